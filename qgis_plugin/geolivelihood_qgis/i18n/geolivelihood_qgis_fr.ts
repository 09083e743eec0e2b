<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr" sourcelanguage="en">
    <context>
        <name>geolivelihood_qgis</name>
        <message>
            <location filename="../env/settings.py" />
            <source>No worker Python is set. Plugins ▸ Geolivelihood ▸ Settings.</source>
            <translation>Aucun Python de calcul n’est défini. Extensions ▸ Geolivelihood ▸ Paramètres.</translation>
        </message>
        <message>
            <location filename="../env/settings.py" />
            <source>Worker Python not found: {}.</source>
            <translation>Python de calcul introuvable : {}.</translation>
        </message>
        <message>
            <location filename="../env/settings.py" />
            <source>geolivelihood is not installed there. Run: {} -m pip install geolivelihood</source>
            <translation>geolivelihood n’y est pas installé. Exécutez : {} -m pip install geolivelihood</translation>
        </message>
        <message>
            <location filename="../env/settings.py" />
            <source>Library {} is too old; need ≥ {}.</source>
            <translation>La version {} de la bibliothèque est trop ancienne ; il faut au moins la version {}.</translation>
        </message>
        <message>
            <location filename="../evidence/book.py" />
            <source>not known</source>
            <translation>inconnu</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>No contributions are stored for this place. To make them, run: {}</source>
            <translation>Aucune contribution n’est enregistrée pour ce lieu. Pour les calculer, exécutez : {}</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Contributions</source>
            <translation>Contributions</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Concepts are scored per cell, cluster and picture: click one of these.</source>
            <translation>Les concepts sont évalués par cellule, par grappe et par image : cliquez sur l’une d’elles.</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Concepts</source>
            <translation>Concepts</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Concepts in the cell around</source>
            <translation>Concepts dans la cellule environnante</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>No concept was scored at this place.</source>
            <translation>Aucun concept n’a été évalué en ce lieu.</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>No concept scores in this result. To make them, run: {}</source>
            <translation>Ce résultat ne contient aucun score de concept. Pour les calculer, exécutez : {}</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Contributions of features</source>
            <translation>Contributions des variables</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Evidence in the pictures</source>
            <translation>Éléments probants dans les images</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Evidence in the pictures of the cell around</source>
            <translation>Éléments probants dans les images de la cellule environnante</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>Evidence in this photo</source>
            <translation>Éléments probants dans cette photo</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>speaks for more</source>
            <translation>plaide pour plus</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>speaks for less</source>
            <translation>plaide pour moins</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>sum</source>
            <translation>somme</translation>
        </message>
        <message>
            <location filename="../evidence/contributions.py" />
            <source>model {}</source>
            <translation>modèle {}</translation>
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Photo {}</source>
            <translation>Photo {}</translation>
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Tile {}</source>
            <translation>Tuile {}</translation>
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Region {}</source>
            <translation>Région {}</translation>
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Survey cluster {}</source>
            <translation>Grappe d’enquête {}</translation>
        </message>
        <message>
            <location filename="../evidence/places.py" />
            <source>Cell {}</source>
            <translation>Cellule {}</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>predicted, cluster held out</source>
            <translation>valeur prédite, grappe exclue de l’apprentissage</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>surveyed</source>
            <translation>valeur de l’enquête</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>predicted</source>
            <translation>valeur prédite</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>survey and map together</source>
            <translation>enquête et carte combinées</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>survey alone</source>
            <translation>enquête seule</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>The model is applicable to {} % of the people here.</source>
            <translation>Ici, le modèle est applicable à {} % de la population.</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Whether the model is applicable here was not assessed.</source>
            <translation>L’applicabilité du modèle en ce lieu n’a pas été évaluée.</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Applicable: this place is like those the model learned from</source>
            <translation>Applicable : ce lieu ressemble à ceux qui ont servi à l’apprentissage du modèle</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Not applicable: nothing the model learned from is like this place</source>
            <translation>Non applicable : ce lieu ne ressemble à aucun de ceux qui ont servi à l’apprentissage du modèle</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source> (dissimilarity {}).</source>
            <translation> (dissimilarité {}).</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>The file holds no scores.</source>
            <translation>Le fichier ne contient aucun score.</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>Held out in fold {}; the file has scores over all folds:</source>
            <translation>Lieu exclu de l’apprentissage dans le pli {} ; le fichier donne les scores sur l’ensemble des plis :</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source> ({} to {})</source>
            <translation> (de {} à {})</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>all folds</source>
            <translation>tous les plis</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>fold {}</source>
            <translation>pli {}</translation>
        </message>
        <message>
            <location filename="../evidence/predictions.py" />
            <source>{}: {}; model {}, {}, {} clusters</source>
            <translation>{} : {} ; modèle {}, {}, {} grappes</translation>
        </message>
        <message>
            <location filename="../gui/bars.py" />
            <source>, may be chance</source>
            <translation>, peut-être dû au hasard</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Evidence</source>
            <translation>Éléments probants</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>What else lies under the click</source>
            <translation>Ce qui se trouve aussi sous le clic</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Choose the Evidence tool and click a cell, cluster, photo or region of a loaded result.</source>
            <translation>Choisissez l’outil « Éléments probants » et cliquez sur une cellule, une grappe, une photo ou une région d’un résultat chargé.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Hide wedges</source>
            <translation>Masquer les secteurs</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Zoom to</source>
            <translation>Zoomer sur</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Show wedges</source>
            <translation>Afficher les secteurs</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Show on the map what these photos see, and only these</source>
            <translation>Afficher sur la carte les secteurs de vue de ces photos, et d’elles seules</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Show map of evidence</source>
            <translation>Afficher la carte des éléments probants</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Add the map of what in the pictures spoke for more and for less</source>
            <translation>Ajouter la carte de ce qui, dans les images, a plaidé pour plus et pour moins</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Tested</source>
            <translation>Évaluation</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Pictures</source>
            <translation>Images</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>no licence stated</source>
            <translation>licence non précisée</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} or more</source>
            <translation>{} ou plus</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>No pictures lie here.</source>
            <translation>Aucune image ici.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} of {} pictures; double-click one to open it</source>
            <translation>{} images sur {} ; double-cliquez sur une image pour l’ouvrir</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>Pictures: {}; double-click one to open it</source>
            <translation>Images : {} ; double-cliquez sur une image pour l’ouvrir</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} % interval</source>
            <translation>intervalle à {} %</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>interval</source>
            <translation>intervalle</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>{} to {}</source>
            <translation>de {} à {}</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>The cell around this photo:</source>
            <translation>La cellule qui contient cette photo :</translation>
        </message>
        <message>
            <location filename="../gui/evidence_dock.py" />
            <source>No prediction is stored for this place.</source>
            <translation>Aucune prédiction n’est enregistrée pour ce lieu.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>Wedges: {}</source>
            <translation>Secteurs de vue : {}</translation>
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>The layer of wedges cannot be opened.</source>
            <translation>La couche des secteurs de vue ne peut pas être ouverte.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>There are no wedges of these photos: they may have no heading.</source>
            <translation>Ces photos n’ont pas de secteur de vue : leur orientation n’est peut-être pas connue.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_map.py" />
            <source>Map of evidence: {}</source>
            <translation>Carte des éléments probants : {}</translation>
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>Evidence: click a cell, cluster, photo or region</source>
            <translation>Éléments probants : cliquer sur une cellule, une grappe, une photo ou une région</translation>
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>No layer of a result is shown on the map: tick Cells in the Layers panel.</source>
            <translation>Aucune couche d’un résultat n’est affichée sur la carte : cochez la couche des cellules dans le panneau Couches.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>There is no result in this project. Load one first: Load results.</source>
            <translation>Ce projet ne contient aucun résultat. Chargez-en d’abord un : « Charger des résultats ».</translation>
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>Nothing of a result lies there: click a cell, a cluster, a photo or a region.</source>
            <translation>Aucun résultat à cet endroit : cliquez sur une cellule, une grappe, une photo ou une région.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>The file {} is gone or cannot be reached.</source>
            <translation>Le fichier {} a disparu ou est inaccessible.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>The map of evidence {} is missing: keep the folder of the result together.</source>
            <translation>La carte des éléments probants {} est introuvable : conservez ensemble tous les fichiers du dossier du résultat.</translation>
        </message>
        <message>
            <location filename="../gui/evidence_panel.py" />
            <source>The result was removed from the project. Load it again to see its evidence.</source>
            <translation>Le résultat a été retiré du projet. Chargez-le de nouveau pour voir ses éléments probants.</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Geolivelihood settings</source>
            <translation>Paramètres de Geolivelihood</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>All files (*)</source>
            <translation>Tous les fichiers (*)</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Check</source>
            <translation>Vérifier</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Automatic</source>
            <translation>Automatique</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>CPU</source>
            <translation>Processeur (CPU)</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>NVIDIA GPU (CUDA)</source>
            <translation>Carte graphique NVIDIA (CUDA)</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>a folder 'results' beside the project file</source>
            <translation>un dossier « results » à côté du fichier de projet</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Keep the log of successful runs</source>
            <translation>Conserver le journal des exécutions réussies</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Opening, styling and exporting results needs nothing here. To run projects, name a Python that has the library: &lt;code&gt;python -m pip install geolivelihood&lt;/code&gt;</source>
            <translation>Ouvrir, styliser et exporter des résultats ne demande aucun réglage ici. Pour exécuter des projets, indiquez un Python qui dispose de la bibliothèque : &lt;code&gt;python -m pip install geolivelihood&lt;/code&gt;</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Worker Python</source>
            <translation>Python de calcul</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Compute on</source>
            <translation>Calculer sur</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Results folder</source>
            <translation>Dossier des résultats</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Choose a Python first.</source>
            <translation>Choisissez d’abord un Python.</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Starting {} ...</source>
            <translation>Démarrage de {} ...</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Cancelled.</source>
            <translation>Annulé.</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>✓ geolivelihood {library} on Python {python}. Devices: {devices}</source>
            <translation>✓ geolivelihood {library} sous Python {python}. Unités de calcul : {devices}</translation>
        </message>
        <message>
            <location filename="../gui/tasks.py" />
            <source>Checking the worker Python</source>
            <translation>Vérification du Python de calcul</translation>
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>Reading pictures</source>
            <translation>Lecture des images</translation>
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>no file named</source>
            <translation>aucun fichier indiqué</translation>
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>file missing</source>
            <translation>fichier introuvable</translation>
        </message>
        <message>
            <location filename="../gui/thumbnails.py" />
            <source>not readable as a picture</source>
            <translation>illisible en tant qu’image</translation>
        </message>
        <message>
            <location filename="../layers/arranger.py" />
            <source>Results: {}</source>
            <translation>Résultats : {}</translation>
        </message>
        <message>
            <location filename="../layers/arranger.py" />
            <source>Layer {} of {} cannot be opened.</source>
            <translation>La couche {} de {} ne peut pas être ouverte.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>There is no layer to export.</source>
            <translation>Il n’y a aucune couche à exporter.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{}: choose a name that ends in .gpkg or .geojson.</source>
            <translation>{} : choisissez un nom qui se termine par .gpkg ou .geojson.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{} exists and is never overwritten. Choose a new name.</source>
            <translation>{} existe déjà et n’est jamais écrasé. Choisissez un autre nom.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{} was not written: {}</source>
            <translation>Échec de l’écriture de {} : {}</translation>
        </message>
        <message>
            <location filename="../layers/mosaics.py" />
            <source>Evidence for {}: {}</source>
            <translation>Éléments probants pour {} : {}</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>View wedges</source>
            <translation>Secteurs de vue</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Activation maps</source>
            <translation>Cartes d’activation</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Feature contributions</source>
            <translation>Contributions des variables</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Concept scores</source>
            <translation>Scores des concepts</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Explanations</source>
            <translation>Explications</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Graph edges</source>
            <translation>Liens du graphe</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Survey clusters</source>
            <translation>Grappes d’enquête</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Cells</source>
            <translation>Cellules</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Regions</source>
            <translation>Régions</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>There is no file {}.</source>
            <translation>Le fichier {} n’existe pas.</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>{} is no GeoPackage ({}).</source>
            <translation>{} n’est pas un GeoPackage ({}).</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>{} has no layers.</source>
            <translation>{} ne contient aucune couche.</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Load results...</source>
            <translation>Charger des résultats...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Export selected layers (GeoPackage/GeoJSON)...</source>
            <translation>Exporter les couches sélectionnées (GeoPackage/GeoJSON)...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Run project...</source>
            <translation>Exécuter un projet...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Explain a model...</source>
            <translation>Expliquer un modèle...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Settings...</source>
            <translation>Paramètres...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Print result...</source>
            <translation>Imprimer un résultat...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Load results</source>
            <translation>Charger des résultats</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>GeoPackage (*.gpkg)</source>
            <translation>GeoPackage (*.gpkg)</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Select the layers to export in the Layers panel first.</source>
            <translation>Sélectionnez d’abord dans le panneau Couches les couches à exporter.</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Export {} layers</source>
            <translation>Exporter les couches sélectionnées ({})</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>GeoPackage (*.gpkg);;GeoJSON (*.geojson)</source>
            <translation>GeoPackage (*.gpkg);;GeoJSON (*.geojson)</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>{} layers loaded.</source>
            <translation>Couches chargées : {}.</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Nothing was loaded.</source>
            <translation>Rien n’a été chargé.</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Exported to {}</source>
            <translation>Exporté dans {}</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Nothing was exported.</source>
            <translation>Rien n’a été exporté.</translation>
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Printed to {}. The layout '{}' is in Project &gt; Layouts.</source>
            <translation>Imprimé dans {}. La mise en page « {} » se trouve dans Projet &gt; Mises en page.</translation>
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Nothing was printed.</source>
            <translation>Rien n’a été imprimé.</translation>
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Print which results?</source>
            <translation>Quels résultats imprimer ?</translation>
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Print result</source>
            <translation>Imprimer un résultat</translation>
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Indicator</source>
            <translation>Indicateur</translation>
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>PDF (*.pdf)</source>
            <translation>PDF (*.pdf)</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Every cell is a prediction of a model, not a measurement.</source>
            <translation>Chaque cellule est une prédiction d’un modèle, et non une mesure.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Do not use this map to grant or refuse anything to a household or a person, to rank cells whose intervals overlap, to measure change by comparing two maps, or in place of a survey.</source>
            <translation>N’utilisez pas cette carte pour accorder ou refuser quoi que ce soit à un ménage ou à une personne, pour classer des cellules dont les intervalles de prédiction se chevauchent, pour mesurer une évolution en comparant deux cartes, ni à la place d’une enquête.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>No scores are stored with this result: nothing says how good the map is.</source>
            <translation>Aucun score n’est enregistré avec ce résultat : rien n’indique la qualité de la carte.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Random split (places near surveyed ones): not tested in this run.</source>
            <translation>Découpage aléatoire (lieux proches de lieux enquêtés) : non évalué lors de cette exécution.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Blocked split (districts where nobody surveyed): not tested in this run.</source>
            <translation>Découpage par blocs spatiaux (districts sans enquête) : non évalué lors de cette exécution.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Random split (places near surveyed ones, flattering)</source>
            <translation>Découpage aléatoire (lieux proches de lieux enquêtés ; résultat flatteur)</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Blocked split (districts where nobody surveyed)</source>
            <translation>Découpage par blocs spatiaux (districts sans enquête)</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Regions left out</source>
            <translation>Découpage par régions exclues tour à tour</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Folds as far from training as the map's cells</source>
            <translation>Découpage à plis aussi éloignés des lieux d’apprentissage que les cellules de la carte</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>mean absolute error</source>
            <translation>erreur absolue moyenne</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source> on {} clusters</source>
            <translation> – {} grappes</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>no score</source>
            <translation>aucun score</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>{} ({} to {})</source>
            <translation>{} (de {} à {})</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Intervals meant to hold {} of the survey's values held {} of them where nobody surveyed.</source>
            <translation>Les intervalles de prédiction, censés contenir {} des valeurs de l’enquête, en ont contenu {} dans les districts sans enquête.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Nobody has checked where the map is applicable.</source>
            <translation>Personne n’a vérifié où la carte est applicable.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>No cell looks too unlike the surveyed places for the map to be applicable.</source>
            <translation>Aucune cellule ne paraît trop différente des lieux enquêtés pour que la carte y soit applicable.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>The map is not applicable in {} of its cells ({} of {}), which look unlike any surveyed place.</source>
            <translation>La carte n’est pas applicable dans {} de ses cellules ({} sur {}), qui ne ressemblent à aucun lieu enquêté.</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Width of the {} interval</source>
            <translation>Largeur de l’intervalle de prédiction à {}</translation>
        </message>
        <message>
            <location filename="../printing/caveats.py" />
            <source>Width of the interval</source>
            <translation>Largeur de l’intervalle de prédiction</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} has no layer 'cells': there is no map to print.</source>
            <translation>{} n’a pas de couche « cells » : il n’y a aucune carte à imprimer.</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>none</source>
            <translation>aucun</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} has no indicator {}; it has: {}.</source>
            <translation>{} n’a pas d’indicateur {} ; indicateurs présents : {}.</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} has no indicator to print.</source>
            <translation>{} n’a aucun indicateur à imprimer.</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>pictures</source>
            <translation>images</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>not stated</source>
            <translation>non précisée</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>predicted by model '{}'</source>
            <translation>valeurs prédites par le modèle « {} »</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} cells (H3)</source>
            <translation>{} cellules (H3)</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>Survey</source>
            <translation>Enquête</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>licence not stated</source>
            <translation>licence non précisée</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>{} and {} more</source>
            <translation>{} et {} autres</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>No provenance in the file</source>
            <translation>Aucune provenance dans le fichier</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>Run {}</source>
            <translation>Exécution {}</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>seed {}</source>
            <translation>graine aléatoire {}</translation>
        </message>
        <message>
            <location filename="../printing/facts.py" />
            <source>equal-area projection</source>
            <translation>projection équivalente</translation>
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>{} was not written. Is there room and permission?</source>
            <translation>Échec de l’écriture de {}. L’espace disque et les droits d’écriture sont-ils suffisants ?</translation>
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>{}: choose a name that ends in .pdf.</source>
            <translation>{} : choisissez un nom qui se termine par .pdf.</translation>
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>There is no folder {}.</source>
            <translation>Le dossier {} n’existe pas.</translation>
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>{} cannot be written to. Choose another folder.</source>
            <translation>Impossible d’écrire dans {}. Choisissez un autre dossier.</translation>
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>Map of {} ({})</source>
            <translation>Carte : {} ({})</translation>
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>not stated in the file</source>
            <translation>non précisées dans le fichier</translation>
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>Sources and licences</source>
            <translation>Sources et licences</translation>
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>Before you use this map</source>
            <translation>Avant d’utiliser cette carte</translation>
        </message>
        <message>
            <location filename="../printing/sheet.py" />
            <source>Outlines of regions</source>
            <translation>Contours des régions</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Explain a model</source>
            <translation>Expliquer un modèle</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Shows what a model goes by: what in each picture raises or lowers its prediction (red and blue maps on the ground, view sectors of street photos), which links between places counted, which concepts it has learned, which kinds of pictures there are. The results are copied and the explanations join the copy, so that a file that is open in a project is never changed; rasters, tables and pictures go to a folder beside the copy. Rasters of earlier explanations stay where they are, so keep those results. An explanation says what the model goes by, not what causes livelihoods. It runs in a separate Python that has the library (Plugins ▸ Geolivelihood ▸ Settings) and can be cancelled; what was computed until then is kept for the next time.</source>
            <translation>Montre sur quoi un modèle s’appuie : ce qui, dans chaque image, augmente ou diminue sa prédiction (cartes rouges et bleues au sol, secteurs de vue des photos de rue), quels liens entre lieux ont compté, quels concepts il a appris, quels types d’images il y a. Les résultats sont copiés et les explications rejoignent la copie, de sorte qu’un fichier ouvert dans un projet n’est jamais modifié ; les rasters, les tables et les images vont dans un dossier à côté de la copie. Les rasters des explications antérieures restent où ils sont : conservez donc ces résultats. Une explication dit sur quoi le modèle s’appuie, non ce qui détermine les conditions de vie. Le calcul se fait dans un Python distinct qui dispose de la bibliothèque (Extensions ▸ Geolivelihood ▸ Paramètres) et peut être annulé ; ce qui a été calculé jusque-là est conservé pour la fois suivante.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>livelihood explanation attribution cam shap concepts graph evidence pictures</source>
            <translation>livelihood conditions-de-vie richesse pauvreté explication interprétation attribution cam shap concepts graphe preuves images</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Method</source>
            <translation>Méthode</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>How to explain. The usual one suits the model: signed maps of evidence, for graphs links.</source>
            <translation>Comment expliquer. La méthode habituelle convient au modèle : cartes signées des éléments probants ; pour les graphes, liens.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Model</source>
            <translation>Modèle</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>One of the project's models. Left empty: the map's.</source>
            <translation>L’un des modèles du projet. Si vide : celui de la carte.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>What the model predicts. Left empty: the project's first.</source>
            <translation>Ce que prédit le modèle. Si vide : le premier du projet.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Source of pictures</source>
            <translation>Source d’images</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>A source of the project, such as tiles or photos. Left empty: the first that the model sees.</source>
            <translation>Une source du projet, par exemple « tiles » ou « photos ». Si vide : la première que voit le modèle.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Only these pictures, clusters or cells</source>
            <translation>Seulement ces images, grappes ou cellules</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Their ids, separated by commas or line breaks. Left empty: all, which takes long.</source>
            <translation>Leurs identifiants, séparés par des virgules ou des sauts de ligne. Si vide : tous, ce qui prend du temps.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>The changes that the run was started with, one per line: validation.folds = 10</source>
            <translation>Les modifications avec lesquelles l’exécution a été lancée, une par ligne : validation.folds = 10</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>A new GeoPackage: the results with the explanations. Left empty: a new folder in the results folder, or beside the project.</source>
            <translation>Un nouveau GeoPackage : les résultats avec les explications. Si vide : un nouveau dossier dans le dossier des résultats, ou à côté du projet.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Load the layers when done</source>
            <translation>Charger les couches à la fin</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Add the new results to the project in one group, maps of evidence in their own colours.</source>
            <translation>Ajouter les nouveaux résultats au projet dans un seul groupe, les cartes des éléments probants avec leurs propres couleurs.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Results of the run</source>
            <translation>Résultats de l’exécution</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>The GeoPackage that 'Run project' has written; it is read and never changed. Left empty: the one that the project file names.</source>
            <translation>Le GeoPackage écrit par « Exécuter un projet » ; il est lu et jamais modifié. Si vide : celui qu’indique le fichier de projet.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>For the method of concepts: a folder with one folder of pictures per concept, or polygons and their column (landuse.gpkg:class).</source>
            <translation>Pour la méthode des concepts : un dossier contenant un dossier d’images par concept, ou des polygones et leur champ (landuse.gpkg:class).</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Areas to sum over</source>
            <translation>Zones de totalisation</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>For maps of overhead pictures: a file of polygons. Left empty: cells and regions.</source>
            <translation>Pour les cartes d’images aériennes ou satellitaires : un fichier de polygones. Si vide : cellules et régions.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Check whether the maps may be believed</source>
            <translation>Vérifier si l’on peut se fier aux cartes</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>For maps of pictures: compares them with random maps and with a model that learned nothing.</source>
            <translation>Pour les cartes d’images : les compare à des cartes aléatoires et à un modèle qui n’a rien appris.</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Further options</source>
            <translation>Autres options</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>What single methods take, one per line: k = 5</source>
            <translation>Options propres à certaines méthodes, une par ligne : k = 5</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>The usual one for the model</source>
            <translation>La méthode habituelle pour le modèle</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: evidence for and against, adds up to the prediction (signed CAM)</source>
            <translation>Images : éléments probants pour et contre, dont la somme donne la prédiction (signed CAM)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks (Grad-CAM)</source>
            <translation>Images : où regarde le modèle (Grad-CAM)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks, several things apart (Grad-CAM++)</source>
            <translation>Images : où regarde le modèle, plusieurs objets distincts (Grad-CAM++)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: as Grad-CAM++, of the exponentiated score</source>
            <translation>Images : comme Grad-CAM++, pour l’exponentielle du score</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks, in finer detail (Layer-CAM)</source>
            <translation>Images : où regarde le modèle, plus en détail (Layer-CAM)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: where the model looks, by masking (Score-CAM, slow)</source>
            <translation>Images : où regarde le modèle, par masquage (Score-CAM, lent)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: edges and textures that raise the prediction (guided backprop)</source>
            <translation>Images : contours et textures qui augmentent la prédiction (guided backprop)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: edges where the model looks (guided Grad-CAM)</source>
            <translation>Images : contours là où regarde le modèle (guided Grad-CAM)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each pixel (integrated gradients)</source>
            <translation>Images : contribution de chaque pixel (integrated gradients)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each pixel beside other pictures (gradient SHAP)</source>
            <translation>Images : contribution de chaque pixel par rapport à d’autres images (gradient SHAP)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each pixel beside other pictures (deep SHAP)</source>
            <translation>Images : contribution de chaque pixel par rapport à d’autres images (deep SHAP)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: contribution of each block (Shapley values, slow)</source>
            <translation>Images : contribution de chaque bloc (valeurs de Shapley, lent)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Pictures: what changes when a patch is covered (occlusion)</source>
            <translation>Images : ce qui change quand une partie est masquée (occlusion)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: what changes without a link (graph and cell models)</source>
            <translation>Liens : ce qui change sans un lien (modèles de graphe et de cellules)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: contribution of each link (integrated gradients)</source>
            <translation>Liens : contribution de chaque lien (integrated gradients)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: gradient times weight (fast)</source>
            <translation>Liens : gradient multiplié par le poids (rapide)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Links: the few links that suffice (GNNExplainer)</source>
            <translation>Liens : les quelques liens qui suffisent (GNNExplainer)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Concepts: what the model has learned of things that you show it (TCAV)</source>
            <translation>Concepts : ce que le modèle a appris des choses que vous lui montrez (TCAV)</translation>
        </message>
        <message>
            <location filename="../processing/explain.py" />
            <source>Kinds of pictures: groups of alike ones</source>
            <translation>Types d’images : groupes d’images semblables</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Export layers</source>
            <translation>Exporter des couches</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Writes layers to one new GeoPackage (with their styles, metadata and the run's provenance), or to GeoJSON (RFC 7946: longitude and latitude, WGS 84; one file per layer). An existing file is never overwritten.</source>
            <translation>Écrit des couches dans un nouveau GeoPackage (avec leurs styles, leurs métadonnées et la provenance de l’exécution) ou en GeoJSON (RFC 7946 : longitude et latitude, WGS 84 ; un fichier par couche). Un fichier existant n’est jamais écrasé.</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>livelihood save geopackage geojson share style</source>
            <translation>livelihood conditions-de-vie enregistrer sauvegarder geopackage geojson partager style</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Layers</source>
            <translation>Couches</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>The vector layers to write; each is written whole, with the style that is seen now.</source>
            <translation>Les couches vectorielles à écrire ; chacune est écrite en entier, avec le style actuellement affiché.</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Leave out survey clusters</source>
            <translation>Exclure les grappes d’enquête</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Leave out layers called 'clusters' where the survey's terms forbid to share its points.</source>
            <translation>Exclure les couches nommées « clusters » lorsque les conditions d’utilisation de l’enquête interdisent de partager ses points.</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Exported file</source>
            <translation>Fichier exporté</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>A new file; its ending (.gpkg or .geojson) chooses the format.</source>
            <translation>Un nouveau fichier ; son suffixe (.gpkg ou .geojson) détermine le format.</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Files</source>
            <translation>Fichiers</translation>
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>Opens a GeoPackage written by geolivelihood as a map: all its layers with the styles that they carry, in one group named after the file, points on top. Needs no worker Python.</source>
            <translation>Ouvre comme une carte un GeoPackage écrit par geolivelihood : toutes ses couches avec les styles qu’elles portent, dans un groupe qui porte le nom du fichier, les points au-dessus. N’a pas besoin du Python de calcul.</translation>
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>livelihood wealth poverty geopackage open</source>
            <translation>livelihood conditions-de-vie richesse pauvreté geopackage ouvrir</translation>
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>Results file</source>
            <translation>Fichier de résultats</translation>
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>A GeoPackage that a run has written.</source>
            <translation>Un GeoPackage écrit par une exécution.</translation>
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>Number of layers</source>
            <translation>Nombre de couches</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Prints one indicator of a GeoPackage written by geolivelihood on one A4 page: the map of its cells as its file styles them, an inset with the width of the intervals, legends, outlines of regions, scale bar, north arrow, sources and licences, a paragraph on what the map can and cannot be used for, and the run that made it. The layout stays in the project, where it can be changed. An existing file is never overwritten. Needs no worker Python. QGIS waits meanwhile: a second for some thousand cells, half a minute for 200,000.</source>
            <translation>Imprime sur une page A4 un indicateur d’un GeoPackage écrit par geolivelihood : la carte de ses cellules avec le style que porte le fichier, un carton avec la largeur des intervalles de prédiction, les légendes, les contours des régions, une barre d’échelle, une flèche du nord, les sources et licences, un paragraphe sur ce à quoi la carte peut servir ou non, et l’exécution qui l’a produite. La mise en page reste dans le projet, où elle peut être modifiée. Un fichier existant n’est jamais écrasé. N’a pas besoin du Python de calcul. QGIS attend pendant ce temps : une seconde pour quelques milliers de cellules, une demi-minute pour 200 000.</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>livelihood map layout pdf paper report atlas</source>
            <translation>livelihood conditions-de-vie carte imprimer impression mise-en-page pdf papier rapport atlas</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>A GeoPackage that a run has written; its layers are loaded where they are not yet.</source>
            <translation>Un GeoPackage écrit par une exécution ; ses couches sont chargées si elles ne le sont pas encore.</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>The column of the cells to map, such as wealth; empty: the first indicator of the run.</source>
            <translation>Le champ des cellules à cartographier, par exemple « wealth ». Si vide : le premier indicateur de l’exécution.</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Title</source>
            <translation>Titre</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>The title of the page; empty: the title of the project file, or the indicator's name.</source>
            <translation>Le titre de la page. Si vide : le titre du fichier de projet, ou le nom de l’indicateur.</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Printed map</source>
            <translation>Carte imprimée</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>A new file that ends in .pdf.</source>
            <translation>Un nouveau fichier dont le nom se termine par .pdf.</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Name of the layout</source>
            <translation>Nom de la mise en page</translation>
        </message>
        <message>
            <location filename="../processing/provider.py" />
            <source>Geolivelihood: livelihood maps with honest scores</source>
            <translation>Geolivelihood : cartes des conditions de vie, avec des scores honnêtes</translation>
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>Run project</source>
            <translation>Exécuter un projet</translation>
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>Runs a geolivelihood project file (.yaml): reads pictures and survey clusters, trains and scores the models under random and spatially blocked validation, writes the map and loads it. It runs in a separate Python that has the library (Plugins ▸ Geolivelihood ▸ Settings) and can be cancelled; what was computed until then is kept for the next run.</source>
            <translation>Exécute un fichier de projet geolivelihood (.yaml) : lit les images et les grappes d’enquête, entraîne les modèles et les évalue par validation croisée aléatoire et par blocs spatiaux, écrit la carte et la charge. Le calcul se fait dans un Python distinct qui dispose de la bibliothèque (Extensions ▸ Geolivelihood ▸ Paramètres) et peut être annulé ; ce qui a été calculé jusque-là est conservé pour l’exécution suivante.</translation>
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>livelihood wealth poverty predict map survey pictures</source>
            <translation>livelihood conditions-de-vie richesse pauvreté prédire prédiction carte enquête images</translation>
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>Changes to the project, one per line: validation.folds = 10</source>
            <translation>Modifications du projet, une par ligne : validation.folds = 10</translation>
        </message>
        <message>
            <location filename="../processing/run_project.py" />
            <source>A new GeoPackage. Left empty: a new folder in the results folder, or beside the project.</source>
            <translation>Un nouveau GeoPackage. Si vide : un nouveau dossier dans le dossier des résultats, ou à côté du projet.</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Project file</source>
            <translation>Fichier de projet</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Project files (*.yaml *.yml);;All files (*)</source>
            <translation>Fichiers de projet (*.yaml *.yml);;Tous les fichiers (*)</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>The YAML file that says what comes in, which models are compared and what goes out.</source>
            <translation>Le fichier YAML qui indique les données en entrée, les modèles à comparer et les sorties.</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Changed settings</source>
            <translation>Paramètres modifiés</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>Results</source>
            <translation>Résultats</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>{}: results are written as .gpkg.</source>
            <translation>{} : les résultats sont écrits au format .gpkg.</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>'{}' is no change; write one per line: validation.folds = 10</source>
            <translation>« {} » n’est pas une modification ; écrivez-en une par ligne : validation.folds = 10</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>The library there is too old for this. Run: {} -m pip install --upgrade geolivelihood</source>
            <translation>La bibliothèque installée y est trop ancienne pour cette opération. Exécutez : {} -m pip install --upgrade geolivelihood</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>{} rows were set aside; see rejected.csv.</source>
            <translation>Lignes écartées : {} ; voir rejected.csv.</translation>
        </message>
    </context>
</TS>
