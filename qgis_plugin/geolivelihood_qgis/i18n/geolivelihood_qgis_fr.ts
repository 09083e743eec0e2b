<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr" sourcelanguage="en">
    <context>
        <name>geolivelihood_qgis</name>
        <message>
            <location filename="../env/settings.py" />
            <source>No worker Python is set. Plugins ▸ Geolivelihood ▸ Settings.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../env/settings.py" />
            <source>Worker Python not found: {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../env/settings.py" />
            <source>geolivelihood is not installed there. Run: {} -m pip install geolivelihood</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../env/settings.py" />
            <source>Library {} is too old; need ≥ {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/book.py" />
            <source>not known</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>No contributions are stored for this place. To make them, run: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Contributions</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Concepts are scored per cell, cluster and picture: click one of these.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Concepts</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Concepts in the cell around</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>No concept was scored at this place.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>No concept scores in this result. To make them, run: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Contributions of features</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Evidence in the pictures</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Evidence in the pictures of the cell around</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Evidence in this photo</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>speaks for more</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>speaks for less</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>sum</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>model {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Photo {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Tile {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Region {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Survey cluster {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Cell {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>predicted, cluster held out</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>surveyed</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>predicted</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>survey and map together</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>survey alone</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>The model is applicable to {} % of the people here.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Whether the model is applicable here was not assessed.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Applicable: this place is like those the model learned from</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Not applicable: nothing the model learned from is like this place</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source> (dissimilarity {}).</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>The file holds no scores.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Held out in fold {}; the file has scores over all folds:</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source> ({} to {})</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>all folds</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>fold {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>{}: {}; model {}, {}, {} clusters</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/bars.py" />
            <source>, may be chance</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Evidence</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>What else lies under the click</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Choose the Evidence tool and click a cell, cluster, photo or region of a loaded result.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Hide wedges</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Zoom to</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Show wedges</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Show on the map what these photos see, and only these</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Show map of evidence</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Add the map of what in the pictures spoke for more and for less</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Tested</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Pictures</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>no licence stated</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} or more</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>No pictures lie here.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} of {} pictures; double-click one to open it</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Pictures: {}; double-click one to open it</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} % interval</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>interval</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} to {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>The cell around this photo:</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>No prediction is stored for this place.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>Wedges: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>The layer of wedges cannot be opened.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>There are no wedges of these photos: they may have no heading.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>Map of evidence: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>Evidence: click a cell, cluster, photo or region</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>No layer of a result is shown on the map: tick Cells in the Layers panel.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>There is no result in this project. Load one first: Load results.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>Nothing of a result lies there: click a cell, a cluster, a photo or a region.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>The file {} is gone or cannot be reached.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>The map of evidence {} is missing: keep the folder of the result together.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>The result was removed from the project. Load it again to see its evidence.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Geolivelihood settings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>All files (*)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Check</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Automatic</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>CPU</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>NVIDIA GPU (CUDA)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>a folder 'results' beside the project file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Keep the log of successful runs</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Opening, styling and exporting results needs nothing here. To run projects, name a Python that has the library: &lt;code&gt;python -m pip install geolivelihood&lt;/code&gt;</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Worker Python</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Compute on</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Results folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Choose a Python first.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Starting {} ...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Cancelled.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>✓ geolivelihood {library} on Python {python}. Devices: {devices}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/tasks.py" />
            <source>Checking the worker Python</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>Reading pictures</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>no file named</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>file missing</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>not readable as a picture</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/arranger.py" />
            <source>Results: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/arranger.py" />
            <source>Layer {} of {} cannot be opened.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>There is no layer to export.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{}: choose a name that ends in .gpkg or .geojson.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{} exists and is never overwritten. Choose a new name.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{} was not written: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/mosaics.py" />
            <source>Evidence for {}: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>View wedges</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Activation maps</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Feature contributions</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Concept scores</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Explanations</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Graph edges</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Survey clusters</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Cells</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Regions</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>There is no file {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>{} is no GeoPackage ({}).</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>{} has no layers.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Load results...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Export selected layers (GeoPackage/GeoJSON)...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Run project...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Explain a model...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Settings...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Print result...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Load results</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>GeoPackage (*.gpkg)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Select the layers to export in the Layers panel first.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Export {} layers</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>GeoPackage (*.gpkg);;GeoJSON (*.geojson)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>{} layers loaded.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Nothing was loaded.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Exported to {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Nothing was exported.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Printed to {}. The layout '{}' is in Project &gt; Layouts.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Nothing was printed.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Print which results?</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Print result</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Indicator</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>PDF (*.pdf)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Every cell is a prediction of a model, not a measurement.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Do not use this map to grant or refuse anything to a household or a person, to rank cells whose intervals overlap, to measure change by comparing two maps, or in place of a survey.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>No scores are stored with this result: nothing says how good the map is.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Random split (places near surveyed ones): not tested in this run.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Blocked split (districts where nobody surveyed): not tested in this run.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Random split (places near surveyed ones, flattering)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Blocked split (districts where nobody surveyed)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Regions left out</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Folds as far from training as the map's cells</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>mean absolute error</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source> on {} clusters</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>no score</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>{} ({} to {})</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Intervals meant to hold {} of the survey's values held {} of them where nobody surveyed.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Nobody has checked where the map is applicable.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>No cell looks too unlike the surveyed places for the map to be applicable.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>The map is not applicable in {} of its cells ({} of {}), which look unlike any surveyed place.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Width of the {} interval</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Width of the interval</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} has no layer 'cells': there is no map to print.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>none</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} has no indicator {}; it has: {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} has no indicator to print.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>pictures</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>not stated</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>predicted by model '{}'</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} cells (H3)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>Survey</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>licence not stated</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} and {} more</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>No provenance in the file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>Run {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>seed {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>equal-area projection</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>{} was not written. Is there room and permission?</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>{}: choose a name that ends in .pdf.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>There is no folder {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>{} cannot be written to. Choose another folder.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>Map of {} ({})</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>not stated in the file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>Sources and licences</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>Before you use this map</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>Outlines of regions</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Explain a model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Shows what a model goes by: what in each picture raises or lowers its prediction (red and blue maps on the ground, view sectors of street photos), which links between places counted, which concepts it has learned, which kinds of pictures there are. The results are copied and the explanations join the copy, so that a file that is open in a project is never changed; rasters, tables and pictures go to a folder beside the copy. Rasters of earlier explanations stay where they are, so keep those results. An explanation says what the model goes by, not what causes livelihoods. It runs in a separate Python that has the library (Plugins ▸ Geolivelihood ▸ Settings) and can be cancelled; what was computed until then is kept for the next time.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>livelihood explanation attribution cam shap concepts graph evidence pictures</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Method</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>How to explain. The usual one suits the model: signed maps of evidence, for graphs links.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>One of the project's models. Left empty: the map's.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>What the model predicts. Left empty: the project's first.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Source of pictures</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>A source of the project, such as tiles or photos. Left empty: the first that the model sees.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Only these pictures, clusters or cells</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Their ids, separated by commas or line breaks. Left empty: all, which takes long.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>The changes that the run was started with, one per line: validation.folds = 10</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>A new GeoPackage: the results with the explanations. Left empty: a new folder in the results folder, or beside the project.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Load the layers when done</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Add the new results to the project in one group, maps of evidence in their own colours.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Results of the run</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>The GeoPackage that 'Run project' has written; it is read and never changed. Left empty: the one that the project file names.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>For the method of concepts: a folder with one folder of pictures per concept, or polygons and their column (landuse.gpkg:class).</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Areas to sum over</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>For maps of overhead pictures: a file of polygons. Left empty: cells and regions.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Check whether the maps may be believed</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>For maps of pictures: compares them with random maps and with a model that learned nothing.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Further options</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>What single methods take, one per line: k = 5</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>The usual one for the model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: evidence for and against, adds up to the prediction (signed CAM)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks (Grad-CAM)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks, several things apart (Grad-CAM++)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: as Grad-CAM++, of the exponentiated score</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks, in finer detail (Layer-CAM)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks, by masking (Score-CAM, slow)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: edges and textures that raise the prediction (guided backprop)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: edges where the model looks (guided Grad-CAM)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each pixel (integrated gradients)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each pixel beside other pictures (gradient SHAP)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each pixel beside other pictures (deep SHAP)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each block (Shapley values, slow)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: what changes when a patch is covered (occlusion)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: what changes without a link (graph and cell models)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: contribution of each link (integrated gradients)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: gradient times weight (fast)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: the few links that suffice (GNNExplainer)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Concepts: what the model has learned of things that you show it (TCAV)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Kinds of pictures: groups of alike ones</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Export layers</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Writes layers to one new GeoPackage (with their styles, metadata and the run's provenance), or to GeoJSON (RFC 7946: longitude and latitude, WGS 84; one file per layer). An existing file is never overwritten.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>livelihood save geopackage geojson share style</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Layers</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>The vector layers to write; each is written whole, with the style that is seen now.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Leave out survey clusters</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Leave out layers called 'clusters' where the survey's terms forbid to share its points.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Exported file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>A new file; its ending (.gpkg or .geojson) chooses the format.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Files</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>Opens a GeoPackage written by geolivelihood as a map: all its layers with the styles that they carry, in one group named after the file, points on top. Needs no worker Python.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>livelihood wealth poverty geopackage open</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>Results file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>A GeoPackage that a run has written.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>Number of layers</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Prints one indicator of a GeoPackage written by geolivelihood on one A4 page: the map of its cells as its file styles them, an inset with the width of the intervals, legends, outlines of regions, scale bar, north arrow, sources and licences, a paragraph on what the map can and cannot be used for, and the run that made it. The layout stays in the project, where it can be changed. An existing file is never overwritten. Needs no worker Python. QGIS waits meanwhile: a second for some thousand cells, half a minute for 200,000.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>livelihood map layout pdf paper report atlas</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>A GeoPackage that a run has written; its layers are loaded where they are not yet.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>The column of the cells to map, such as wealth; empty: the first indicator of the run.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Title</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>The title of the page; empty: the title of the project file, or the indicator's name.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Printed map</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>A new file that ends in .pdf.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Name of the layout</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/provider.py" />
            <source>Geolivelihood: livelihood maps with honest scores</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>Run project</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>Runs a geolivelihood project file (.yaml): reads pictures and survey clusters, trains and scores the models under random and spatially blocked validation, writes the map and loads it. It runs in a separate Python that has the library (Plugins ▸ Geolivelihood ▸ Settings) and can be cancelled; what was computed until then is kept for the next run.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>livelihood wealth poverty predict map survey pictures</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>Changes to the project, one per line: validation.folds = 10</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>A new GeoPackage. Left empty: a new folder in the results folder, or beside the project.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Project file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Project files (*.yaml *.yml);;All files (*)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>The YAML file that says what comes in, which models are compared and what goes out.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Changed settings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Results</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>{}: results are written as .gpkg.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>'{}' is no change; write one per line: validation.folds = 10</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>The library there is too old for this. Run: {} -m pip install --upgrade geolivelihood</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>{} rows were set aside; see rejected.csv.</source>
            <translation type="unfinished" />
        </message>
    </context>
</TS>
