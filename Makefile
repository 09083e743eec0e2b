# make demo   the main job on the built-in synthetic country: GeoPackage, map.png, scores.csv
# make test   everything, in the system's QGIS and in 3.40 beside it (they skip with the reason where QGIS is absent)
# make bench  the table of ratios against peers;  make lint, make format
# The set-up behind them is scripts/setup.sh; it runs again only when what it depends on has changed.

STAMP := .venv/.stamp
RUN := .venv/bin/python -m
IN_QGIS := .venv/bin/python qgis_plugin/which_qgis.py
NEXT := .qgis340
# What needs no QGIS has been tested with the system's.
NEXT_TESTS := $(addprefix qgis_plugin/tests/,qgis processing desktop)

.PHONY: demo test test-library test-qgis test-qgis-next bench lint format
demo: $(STAMP)
	@.venv/bin/geolivelihood demo

test: test-library test-qgis test-qgis-next

test-library: $(STAMP)
	OMP_NUM_THREADS=1 $(RUN) pytest tests -n auto --dist loadgroup

test-qgis: $(STAMP)
	$(IN_QGIS) pytest qgis_plugin/tests -c qgis_plugin/pytest.ini

# Code 3: there can be none here, and the script has said why.
test-qgis-next: export GLQ_QGIS_ROOT := $(NEXT)/root/usr
test-qgis-next: $(STAMP)
	@code=0; bash scripts/qgis_side_by_side.sh $(NEXT) || code=$$?; \
	if [ $$code = 3 ]; then echo "The plugin is tested in the system's QGIS only."; exit 0; fi; \
	[ $$code = 0 ] && set -x && \
	$(IN_QGIS) pytest $(NEXT_TESTS) -c qgis_plugin/pytest.ini && \
	QGIS_PYTHON=$$(readlink -f /usr/bin/python3) $(IN_QGIS) pytest tests/layers/test_qgis.py

bench: $(STAMP)
	$(RUN) benchmarks.harness

lint: $(STAMP)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

format: $(STAMP)
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

$(STAMP): setup.cfg pyproject.toml scripts/setup.sh qgis_plugin/link_qgis.py
	@bash scripts/setup.sh
