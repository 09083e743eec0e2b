"""What the library can be asked to do by other programs: each operation with a description of itself.

A description (:class:`Operation`) says in plain words what an operation takes and what comes out, so that a
form can be made of it; :data:`OPERATIONS` has the functions that do it. What is heavy is imported by the
work, not by this package. ``python -m geolivelihood.operations FILE`` writes all descriptions as JSON.
"""

from geolivelihood.operations.described import GROUPS, Operation, Output, Parameter
from geolivelihood.operations.registry import DESCRIBED, NEEDS, OPERATIONS, descriptions

__all__ = [
    "DESCRIBED",
    "GROUPS",
    "NEEDS",
    "OPERATIONS",
    "Operation",
    "Output",
    "Parameter",
    "descriptions",
]
