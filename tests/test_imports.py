"""What is imported, and when: the heavy libraries come only where they are needed."""

import os
import subprocess
import sys

import pytest

from geolivelihood import explanation, recipes

LIGHT = "import sys, {}; print(*sorted({{'torch', 'geopandas', 'sklearn'}} & set(sys.modules)))"


def python(*arguments, **environment):
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment, timeout=120
    )


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("geolivelihood.recipes", set()),
        ("geolivelihood.cli", set()),
        ("geolivelihood.explanation", set()),
        ("geolivelihood.recipes.download", {"geopandas", "sklearn"}),
    ],
)
def test_what_a_module_loads(module, heavy):
    done = python("-c", LIGHT.format(module))
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= heavy


def test_a_missing_token_is_said_before_the_heavy_imports(tmp_path):
    program = (
        "import sys\nfrom geolivelihood.cli import main\n"
        "try:\n    main(['download', '--bbox', '1,1,1.1,1.1', '-o', sys.argv[1]])\n"
        "finally:\n    print(*{'torch', 'geopandas', 'httpx'} & set(sys.modules))"
    )
    done = python("-c", program, str(tmp_path / "photos"), MAPILLARY_TOKEN="")
    assert done.returncode == 6 and "set the environment variable MAPILLARY_TOKEN" in done.stderr
    assert done.stdout.split() == [] and not (tmp_path / "photos").exists()


@pytest.mark.parametrize("room", [recipes, explanation])
def test_every_name_is_where_its_room_says(room):
    assert {getattr(room, name).__name__ for name in room.__all__} == set(room.__all__)
    assert dir(room) == sorted(room.__all__)
    with pytest.raises(AttributeError, match="no attribute 'run_projects'"):
        room.run_projects  # noqa: B018
