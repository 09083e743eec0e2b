"""Published picture collections, each read from its own layout into one table of pictures.

The readers take the root folder of the layout as it was published and give ``image_id, path, kind, geometry``
(EPSG:4326) and, where the collection knows them, ``place_id`` (text), ``captured_at`` (UTC), ``sensor``,
``label``, ``split``, ``region``. What makes two pictures a pair is ``place_id`` and ``captured_at``, never
how their files are called. Rows that cannot be used go to ``on_rejected`` with their reasons.
"""
