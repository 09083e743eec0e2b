# make demo   the main job on the built-in synthetic country: GeoPackage, map.png, scores.csv
# make test   everything, real QGIS included (QGIS tests skip with the reason where QGIS is absent)
# make bench  the table of ratios against peers;  make lint, make format
# The set-up behind them is scripts/setup.sh; it runs again only when what it depends on has changed.

STAMP := .venv/.stamp
RUN := .venv/bin/python -m
QGIS_ENV := QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR=$(CURDIR)/.run \
	PYTHONPATH=.qgis_link:/usr/share/qgis/python:/usr/share/qgis/python/plugins

.PHONY: demo test test-library test-qgis bench lint format
demo: $(STAMP)
	@.venv/bin/geolivelihood demo

test: test-library test-qgis

test-library: $(STAMP)
	OMP_NUM_THREADS=1 $(RUN) pytest tests -n auto --dist loadgroup

test-qgis: $(STAMP)
	@mkdir -p -m 700 .run
	$(QGIS_ENV) $(RUN) pytest qgis_plugin/tests -c qgis_plugin/pytest.ini

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
