<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr" sourcelanguage="en">
    <context>
        <name>geolivelihood_qgis</name>
        <message>
            <location filename="../compare/difference.py" />
            <source>{} has no layer '{}'.</source>
            <translation>{} n’a pas de couche « {} ».</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>The layer '{}' of {} has no column '{}'.</source>
            <translation>La couche « {} » de {} n’a pas de champ « {} ».</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>none</source>
            <translation>aucun</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>The two results do not both have the indicator '{}' in '{}'. They share: {}.</source>
            <translation>Les deux résultats n’ont pas tous deux l’indicateur « {} » dans « {} ». Indicateurs communs : {}.</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>The units differ ('{}' and '{}'): the difference means nothing.</source>
            <translation>Les unités diffèrent (« {} » et « {} ») : la différence n’a pas de sens.</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>The intervals differ in what they promise: {} % in the first run, {} % in the second.</source>
            <translation>Les intervalles n’ont pas le même taux de couverture : {} % dans la première exécution, {} % dans la seconde.</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>The two results have no cell or region in common.</source>
            <translation>Les deux résultats n’ont aucune cellule ni région en commun.</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>The cells of the two results differ in size (H3 resolutions {} and {}): run both at one.</source>
            <translation>Les cellules des deux résultats n’ont pas la même taille (résolutions H3 {} et {}) : exécutez les deux à la même résolution.</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>The difference was not written: {}</source>
            <translation>Échec de l’écriture de la différence : {}</translation>
        </message>
        <message>
            <location filename="../compare/difference.py" />
            <source>Cancelled.</source>
            <translation>Annulé.</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>Second minus first</source>
            <translation>Seconde moins première</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>Only differences larger than half of both intervals</source>
            <translation>Seulement les différences supérieures à la moitié de chacun des deux intervalles</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>Within half of an interval</source>
            <translation>Dans la limite de la moitié d’un intervalle</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>Not applicable in one of the runs</source>
            <translation>Non applicable dans l’une des exécutions</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>first run: {}</source>
            <translation>première exécution : {}</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>second run: {}</source>
            <translation>seconde exécution : {}</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>second minus first: {}</source>
            <translation>seconde moins première : {}</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>larger than half of both intervals</source>
            <translation>supérieure à la moitié de chacun des deux intervalles</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>not larger than half of both intervals</source>
            <translation>non supérieure à la moitié de chacun des deux intervalles</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>the intervals overlap</source>
            <translation>les intervalles se chevauchent</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>the intervals do not overlap</source>
            <translation>les intervalles ne se chevauchent pas</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>not applicable in one of the runs</source>
            <translation>non applicable dans l’une des exécutions</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>{} are in both runs.</source>
            <translation>Présentes dans les deux exécutions : {}.</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>{} are only in the first run and {} only in the second; they are left out.</source>
            <translation>Présentes seulement dans la première exécution : {} ; seulement dans la seconde : {} ; elles sont laissées de côté.</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>In {} one of the runs is not applicable.</source>
            <translation>Non applicables dans l’une des exécutions : {}.</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>In {} of {} the difference is larger than half of both intervals.</source>
            <translation>Dans {} cas sur {}, la différence est supérieure à la moitié de chacun des deux intervalles.</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>Nothing says whether a difference is more than chance: there are no intervals.</source>
            <translation>Rien n’indique si une différence dépasse ce qui peut être dû au hasard : il n’y a pas d’intervalles.</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>{}: {} minus {}</source>
            <translation>{} : {} moins {}</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>First</source>
            <translation>Première</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>Second</source>
            <translation>Seconde</translation>
        </message>
        <message>
            <location filename="../compare/look.py" />
            <source>run {}</source>
            <translation>exécution {}</translation>
        </message>
        <message>
            <location filename="../compare/symbols.py" />
            <source>Not applicable</source>
            <translation>Non applicable</translation>
        </message>
        <message>
            <location filename="../compare/views.py" />
            <source>{} ({})</source>
            <translation>{} ({})</translation>
        </message>
        <message>
            <location filename="../compare/views.py" />
            <source>{}, {}</source>
            <translation>{}, {}</translation>
        </message>
        <message>
            <location filename="../env/diagnostics.py" />
            <source>good</source>
            <translation>en ordre</translation>
        </message>
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
            <translation>modèle « {} »</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>Links are between cells, clusters and pictures.</source>
            <translation>Les liens relient des cellules, des grappes et des images.</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>No link of this place was scored.</source>
            <translation>Aucun lien de ce lieu n’a été évalué.</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>No links are scored in this result. To score them, run: {}</source>
            <translation>Aucun lien n’est évalué dans ce résultat. Pour les évaluer, exécutez : {}</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>Links</source>
            <translation>Liens</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>Strongest links: {}</source>
            <translation>Liens les plus forts : {}</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>Several ways of scoring are stored; this is the first.</source>
            <translation>Plusieurs façons d’évaluer les liens sont enregistrées ; voici la première.</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>These links are not scored. To score them, run: {}</source>
            <translation>Ces liens ne sont pas évalués. Pour les évaluer, exécutez : {}</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>Links in the graph</source>
            <translation>Liens du graphe</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>to {}</source>
            <translation>vers {}</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>{} km</source>
            <translation>{} km</translation>
        </message>
        <message>
            <location filename="../evidence/links.py" />
            <source>{} m</source>
            <translation>{} m</translation>
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
            <source>{}; model {}, {}, {} clusters</source>
            <translation>{} ; modèle « {} », {}, {} grappes</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>Choose the layer of survey clusters.</source>
            <translation>Choisissez la couche des grappes d’enquête.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>{} has no features. Choose another layer.</source>
            <translation>{} ne contient aucune entité. Choisissez une autre couche.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>There are only {} clusters, fewer than {}. The map can be made, but scores then depend much on chance and intervals are wide.</source>
            <translation>Il n’y a que {} grappes, soit moins de {}. La carte peut être produite, mais les scores dépendent alors beaucoup du hasard et les intervalles de prédiction sont larges.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>Some points lie at (0, 0). In DHS files this means that the position is unknown: these clusters are set aside and listed in rejected.csv.</source>
            <translation>Certains points se trouvent en (0, 0). Dans les fichiers DHS, cela signifie que la position est inconnue : ces grappes sont écartées et listées dans rejected.csv.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>{} has no column of numbers, so that there is nothing to map. Choose a layer with the indicator.</source>
            <translation>{} n’a aucun champ numérique : il n’y a donc rien à cartographier. Choisissez une couche qui contient l’indicateur.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>{} does not say in which coordinate reference system its coordinates are. Set it first (right click the layer ▸ Layer CRS ▸ Set Layer CRS); EPSG:4326 for longitude and latitude.</source>
            <translation>{} n’indique pas dans quel système de coordonnées de référence (SCR) sont ses coordonnées. Définissez-le d’abord (clic droit sur la couche ▸ SCR de la couche ▸ Définir le SCR de la couche) ; EPSG:4326 pour longitude et latitude.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>{} is projected ({}). Its coordinates are turned into longitude and latitude on the way; nothing needs to be done if the layer lies in the right place on the map.</source>
            <translation>{} est dans un système projeté ({}). Ses coordonnées sont converties au passage en longitude et latitude ; il n’y a rien à faire si la couche est au bon endroit sur la carte.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/checks.py" />
            <source>no code</source>
            <translation>sans code</translation>
        </message>
        <message>
            <location filename="../gui/assistant/choosers.py" />
            <source>From a file...</source>
            <translation>Depuis un fichier...</translation>
        </message>
        <message>
            <location filename="../gui/assistant/choosers.py" />
            <source>Choose a layer</source>
            <translation>Choisir une couche</translation>
        </message>
        <message>
            <location filename="../gui/assistant/choosers.py" />
            <source>From files...</source>
            <translation>Depuis des fichiers...</translation>
        </message>
        <message>
            <location filename="../gui/assistant/choosers.py" />
            <source>Choose rasters</source>
            <translation>Choisir des rasters</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Survey clusters</source>
            <translation>Grappes d’enquête</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Number of a cluster</source>
            <translation>Numéro de la grappe</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Displaced</source>
            <translation>Grappes déplacées</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Urban or rural</source>
            <translation>Urbain ou rural</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Pictures</source>
            <translation>Images</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Photos</source>
            <translation>Photos</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>File of a photo</source>
            <translation>Fichier de la photo</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Folder of photos</source>
            <translation>Dossier des photos</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Folder of tiles</source>
            <translation>Dossier des tuiles</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Rasters</source>
            <translation>Rasters</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Coordinates of the rasters</source>
            <translation>Système de coordonnées des rasters</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Width around a place (m)</source>
            <translation>Largeur autour d’un lieu (m)</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Indicators</source>
            <translation>Indicateurs</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Name on the map</source>
            <translation>Nom sur la carte</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Reading of pictures</source>
            <translation>Lecture des images</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Models</source>
            <translation>Modèles</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Model of the map</source>
            <translation>Modèle de la carte</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Parts</source>
            <translation>Parties</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Left out</source>
            <translation>Exclusion</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Distance to what is left out (m)</source>
            <translation>Distance à ce qui est exclu (m)</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Intervals hold</source>
            <translation>Les intervalles contiennent</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>H3 resolution</source>
            <translation>Résolution H3</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Regions</source>
            <translation>Régions</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Name of a region</source>
            <translation>Nom de la région</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Explanations</source>
            <translation>Explications</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Title</source>
            <translation>Titre</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Seed</source>
            <translation>Graine aléatoire</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>Results</source>
            <translation>Résultats</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>yes</source>
            <translation>oui</translation>
        </message>
        <message>
            <location filename="../gui/assistant/command.py" />
            <source>no</source>
            <translation>non</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>1 of 5: Data</source>
            <translation>1 sur 5 : Données</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Survey clusters are the places where people were asked; pictures show what is around them. The models learn what pictures say about the survey, and fill the map between.</source>
            <translation>Les grappes d’enquête sont les lieux où des personnes ont été interrogées ; les images montrent ce qui les entoure. Les modèles apprennent ce que les images disent de l’enquête, et remplissent la carte entre ces lieux.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Survey c&amp;lusters</source>
            <translation>&amp;Grappes d’enquête</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Points with the indicator as a column.</source>
            <translation>Des points, avec l’indicateur dans un champ.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Their nu&amp;mber</source>
            <translation>Leur nu&amp;méro</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>The column that names a cluster. Empty: they are counted.</source>
            <translation>Le champ qui identifie chaque grappe. Si vide : elles sont numérotées.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Were they mo&amp;ved?</source>
            <translation>Ont-elles été &amp;déplacées ?</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Surveys move published points so that nobody is found; the map then spreads them again.</source>
            <translation>Les enquêtes déplacent les points qu’elles publient pour que personne ne puisse être retrouvé ; la carte en tient compte en les étalant.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>&amp;Urban or rural</source>
            <translation>&amp;Urbain ou rural</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>The column that says U or R (DHS: URBAN_RURA): towns were moved less far.</source>
            <translation>Le champ qui indique U ou R (DHS : URBAN_RURA) : les grappes urbaines ont été moins déplacées.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>&amp;Pictures</source>
            <translation>&amp;Images</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>What the models look at.</source>
            <translation>Ce que les modèles regardent.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Automatic</source>
            <translation>Automatique</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source> m</source>
            <translation> m</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Ph&amp;otos</source>
            <translation>Ph&amp;otos</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Column with their &amp;file</source>
            <translation>Champ de leur &amp;fichier</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Paths s&amp;tart from</source>
            <translation>Les &amp;chemins partent de</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>&amp;Folder of photos</source>
            <translation>Dossi&amp;er des photos</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>&amp;Folder of tiles</source>
            <translation>Dossi&amp;er des tuiles</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>&amp;Rasters</source>
            <translation>&amp;Rasters</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>&amp;Width around a place</source>
            <translation>&amp;Largeur autour d’un lieu</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Choose the column that says which clusters are urban: they were moved less far.</source>
            <translation>Choisissez le champ qui indique quelles grappes sont urbaines : elles ont été moins déplacées.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Choose the layer of photos, or another kind of pictures.</source>
            <translation>Choisissez la couche des photos, ou un autre type d’images.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Choose the folder with the photos.</source>
            <translation>Choisissez le dossier qui contient les photos.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Choose the folder with the tiles.</source>
            <translation>Choisissez le dossier qui contient les tuiles.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>Tick at least one raster, or choose another kind of pictures.</source>
            <translation>Cochez au moins un raster, ou choisissez un autre type d’images.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>{} does not say where it lies; longitude and latitude (EPSG:4326) are assumed.</source>
            <translation>{} n’indique pas son système de coordonnées ; longitude et latitude (EPSG:4326) sont supposées.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/data.py" />
            <source>There is no folder {}.</source>
            <translation>Le dossier {} n’existe pas.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>2 of 5: Indicator</source>
            <translation>2 sur 5 : Indicateur</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>What do you want to map? Each ticked column becomes a map of its own. The first is drawn, the others come with the results.</source>
            <translation>Que voulez-vous cartographier ? Chaque champ coché donne sa propre carte. La première est dessinée, les autres accompagnent les résultats.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>Co&amp;lumns</source>
            <translation>&amp;Champs</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>Columns of numbers: wealth index, income, schooling.</source>
            <translation>Champs numériques : indice de richesse, revenu, scolarité.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>for example: Wealth index (standard deviations)</source>
            <translation>par exemple : Indice de richesse (écarts-types)</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>N&amp;ame on the map</source>
            <translation>No&amp;m sur la carte</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>How the first is called in the legend, with its unit.</source>
            <translation>Le nom du premier indicateur dans la légende, avec son unité.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>Tick at least one column.</source>
            <translation>Cochez au moins un champ.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/indicator.py" />
            <source>{} has the same value everywhere or none at all: there is nothing to learn.</source>
            <translation>{} a partout la même valeur, ou n’en a aucune : il n’y a rien à apprendre.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>3 of 5: Model</source>
            <translation>3 sur 5 : Modèle</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>Several models are compared under the same rules. Simple ones show what the pictures add: keep the mean and the nearest places among them.</source>
            <translation>Plusieurs modèles sont comparés selon les mêmes règles. Les plus simples montrent ce qu’apportent les images : gardez parmi eux la moyenne et les lieux les plus proches.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>&amp;Reading of pictures</source>
            <translation>&amp;Lecture des images</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>How a picture becomes a row of numbers.</source>
            <translation>Comment une image devient une ligne de nombres.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>Mo&amp;dels</source>
            <translation>Mo&amp;dèles</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>What is compared. Ticking fewer is faster.</source>
            <translation>Ce qui est comparé. Moins de modèles cochés, c’est plus rapide.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>Model of the ma&amp;p</source>
            <translation>Modèle de la &amp;carte</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>Which of them draws the map.</source>
            <translation>Celui d’entre eux qui produit la carte.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>Tick at least one model.</source>
            <translation>Cochez au moins un modèle.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>None of these models looks at the pictures: the map shows nearness only.</source>
            <translation>Aucun de ces modèles ne regarde les images : la carte ne montre que la proximité.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>Without the mean or nearest places nothing tells how much the pictures add.</source>
            <translation>Sans la moyenne ni les lieux les plus proches, rien n’indique ce qu’apportent les images.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/model.py" />
            <source>Networks are slow without a GPU: a run may take hours.</source>
            <translation>Les réseaux de neurones sont lents sans carte graphique (GPU) : une exécution peut prendre des heures.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>5 of 5: Output</source>
            <translation>5 sur 5 : Sortie</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>How fine the map is, what comes with it, and where it goes. Below is what will be run.</source>
            <translation>La finesse de la carte, ce qui l’accompagne et où elle est enregistrée. Ce qui sera exécuté figure ci-dessous.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>H3 resolution {}: cells about {} wide</source>
            <translation>Résolution H3 {} : cellules d’environ {} de large</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>C&amp;ells</source>
            <translation>Ce&amp;llules</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>One step finer: seven times as many cells, and slower.</source>
            <translation>Un degré plus fin : sept fois plus de cellules, et plus lent.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>Re&amp;gions</source>
            <translation>Ré&amp;gions</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>Districts to sum over; the map then covers them. May be empty.</source>
            <translation>Districts sur lesquels totaliser ; la carte les couvre alors. Peut rester vide.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>Their n&amp;ame</source>
            <translation>Leur no&amp;m</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>The column that names a region.</source>
            <translation>Le champ qui donne le nom de chaque région.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>E&amp;xplain the map: what pictures, places and features say for it</source>
            <translation>E&amp;xpliquer la carte : ce qu’en disent les images, les lieux et les variables</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>&amp;Title</source>
            <translation>&amp;Titre</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>The title of the map and the report. May be empty.</source>
            <translation>Le titre de la carte et du rapport. Peut rester vide.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>&amp;Seed</source>
            <translation>Graine alé&amp;atoire</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>The same number gives the same map again.</source>
            <translation>Le même nombre redonne la même carte.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>GeoPackage (*.gpkg)</source>
            <translation>GeoPackage (*.gpkg)</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>&amp;Results</source>
            <translation>&amp;Résultats</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>A new GeoPackage; scores and report go beside it.</source>
            <translation>Un nouveau GeoPackage ; les scores et le rapport sont placés à côté de lui.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>&amp;What will be run</source>
            <translation>Ce q&amp;ui sera exécuté</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>All that was chosen on the five pages.</source>
            <translation>Tout ce qui a été choisi dans les cinq pages.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>Cop&amp;y as qgis_process command</source>
            <translation>C&amp;opier comme commande qgis_process</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>Name a new GeoPackage for the results.</source>
            <translation>Indiquez un nouveau GeoPackage pour les résultats.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>This QGIS project is not saved. The results are kept in their file, but save the project to keep the map.</source>
            <translation>Ce projet QGIS n’est pas enregistré. Les résultats sont conservés dans leur fichier, mais enregistrez le projet pour conserver la carte.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>Leaving out regions was ticked: choose the layer of regions, or untick it.</source>
            <translation>L’exclusion de régions est cochée : choisissez la couche des régions, ou décochez-la.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>{}: give the full path, with its folder.</source>
            <translation>{} : donnez le chemin complet, avec le dossier.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>{} exists and is never overwritten. Choose a new name.</source>
            <translation>{} existe déjà et n’est jamais écrasé. Choisissez un autre nom.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/output.py" />
            <source>The folder {} cannot be written to. Choose another.</source>
            <translation>Impossible d’écrire dans le dossier {}. Choisissez-en un autre.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>4 of 5: Validation</source>
            <translation>4 sur 5 : Validation</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>Scores come from places that a model did not see. Near places resemble each other, so that leaving out single clusters flatters: whole areas are left out, too.</source>
            <translation>Les scores proviennent de lieux qu’un modèle n’a pas vus. Des lieux proches se ressemblent, si bien qu’exclure des grappes une à une donne un résultat flatteur : des zones entières sont donc exclues aussi.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>&amp;Parts</source>
            <translation>Pa&amp;rties</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>Each part is left out once. Five is usual; more take longer.</source>
            <translation>Chaque partie est exclue une fois. Cinq est le choix habituel ; davantage prend plus de temps.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>&amp;Left out</source>
            <translation>&amp;Exclusion</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>How the parts are cut; each way has scores of its own.</source>
            <translation>Comment les parties sont découpées ; chaque découpage a ses propres scores.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>&amp;Automatic distance to what is left out</source>
            <translation>Distance &amp;automatique à ce qui est exclu</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>&amp;Distance</source>
            <translation>&amp;Distance</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>Clusters nearer than this to a part are not learned from.</source>
            <translation>Les grappes plus proches que cela d’une partie exclue ne servent pas à l’apprentissage.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>&amp;Intervals hold</source>
            <translation>Les &amp;intervalles contiennent</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>In how many of a hundred places the true value should lie within the interval.</source>
            <translation>Dans combien de lieux sur cent la vraie valeur devrait se trouver dans l’intervalle de prédiction.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>{} parts of {} clusters hold fewer than 10 each: scores will vary much.</source>
            <translation>{} parties pour {} grappes en contiennent moins de 10 chacune : les scores varieront beaucoup.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/validation.py" />
            <source>Leaving out regions needs the layer of regions on the next page.</source>
            <translation>L’exclusion de régions nécessite la couche des régions, à la page suivante.</translation>
        </message>
        <message>
            <location filename="../gui/assistant/wizard.py" />
            <source>From clusters and photos to a map</source>
            <translation>Des grappes et des photos à la carte</translation>
        </message>
        <message>
            <location filename="../gui/assistant/wizard.py" />
            <source>&amp;Make the map</source>
            <translation>&amp;Créer la carte</translation>
        </message>
        <message>
            <location filename="../gui/bars.py" />
            <source>, may be chance</source>
            <translation>, peut-être dû au hasard</translation>
        </message>
        <message>
            <location filename="../gui/compare_action.py" />
            <source>There is nothing to compare: load a result with two indicators, or two results.</source>
            <translation>Il n’y a rien à comparer : chargez un résultat avec deux indicateurs, ou deux résultats.</translation>
        </message>
        <message>
            <location filename="../gui/compare_action.py" />
            <source>QGIS opened no map view.</source>
            <translation>QGIS n’a ouvert aucune vue cartographique.</translation>
        </message>
        <message>
            <location filename="../gui/compare_action.py" />
            <source>Difference of two runs</source>
            <translation>Différence de deux exécutions</translation>
        </message>
        <message>
            <location filename="../gui/compare_action.py" />
            <source>Nothing was compared.</source>
            <translation>Rien n’a été comparé.</translation>
        </message>
        <message>
            <location filename="../gui/compare_action.py" />
            <source>Compared {} places; {} are only in the first run and {} only in the second.</source>
            <translation>Lieux comparés : {} ; seulement dans la première exécution : {} ; seulement dans la seconde : {}.</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Compare indicators</source>
            <translation>Comparer des indicateurs</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Tick two or more maps. Load a second result to compare two runs.</source>
            <translation>Cochez au moins deux cartes. Chargez un second résultat pour comparer deux exécutions.</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Show side by side</source>
            <translation>Afficher côte à côte</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Difference of the two...</source>
            <translation>Différence des deux...</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Tick at least two.</source>
            <translation>Cochez-en au moins deux.</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Tick no more than {}: more maps are too small to be read.</source>
            <translation>N’en cochez pas plus de {} : au-delà, les cartes sont trop petites pour être lues.</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Two runs of one indicator: the difference is the lower one minus the upper one.</source>
            <translation>Deux exécutions pour un même indicateur : la différence est celle du bas de la liste moins celle du haut.</translation>
        </message>
        <message>
            <location filename="../gui/compare_dialog.py" />
            <source>Maps of one unit get the same classes and colours.</source>
            <translation>Les cartes de même unité reçoivent les mêmes classes et les mêmes couleurs.</translation>
        </message>
        <message>
            <location filename="../gui/diagnostics_view.py" />
            <source>Show &amp;diagnostics</source>
            <translation>Afficher le &amp;diagnostic</translation>
        </message>
        <message>
            <location filename="../gui/diagnostics_view.py" />
            <source>Co&amp;py diagnostics</source>
            <translation>Co&amp;pier le diagnostic</translation>
        </message>
        <message>
            <location filename="../gui/diagnostics_view.py" />
            <source>For bug reports. Paths below your home folder are shortened; no secrets.</source>
            <translation>Pour les rapports d’anomalie. Les chemins de votre dossier personnel sont abrégés ; aucun secret n’est inclus.</translation>
        </message>
        <message>
            <location filename="../gui/diagnostics_view.py" />
            <source>Copied. Paste it into the bug report.</source>
            <translation>Copié. Collez-le dans le rapport d’anomalie.</translation>
        </message>
        <message>
            <location filename="../gui/eta.py" />
            <source>about {} left in this stage</source>
            <translation>encore {} environ pour cette étape</translation>
        </message>
        <message>
            <location filename="../gui/eta.py" />
            <source>{} s</source>
            <translation>{} s</translation>
        </message>
        <message>
            <location filename="../gui/eta.py" />
            <source>{} min</source>
            <translation>{} min</translation>
        </message>
        <message>
            <location filename="../gui/eta.py" />
            <source>{} h {} min</source>
            <translation>{} h {} min</translation>
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
            <translation>Carte des éléments probants</translation>
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
            <location filename="../gui/export_choice.py" />
            <source>{} features are selected. Export only these?</source>
            <translation>Entités sélectionnées : {}. N’exporter que celles-ci ?</translation>
        </message>
        <message>
            <location filename="../gui/export_choice.py" />
            <source>Export</source>
            <translation>Exporter</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>This library cannot do that yet. Upgrade it: Plugins ▸ Geolivelihood ▸ Settings.</source>
            <translation>La bibliothèque installée ne sait pas encore faire cela. Mettez-la à jour : Extensions ▸ Geolivelihood ▸ Paramètres.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>QGIS ended during the run '{}'.</source>
            <translation>QGIS s’est fermé pendant l’exécution « {} ».</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>The run '{}' was cancelled.</source>
            <translation>L’exécution « {} » a été annulée.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>The run '{}' ran out of memory.</source>
            <translation>L’exécution « {} » a manqué de mémoire.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>The run '{}' broke off.</source>
            <translation>L’exécution « {} » s’est interrompue.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>What was computed is kept: it can go on where it stopped.</source>
            <translation>Ce qui a été calculé est conservé : elle peut reprendre là où elle s’est arrêtée.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>Resume</source>
            <translation>Reprendre</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>'{}' is not there any more. Check the worker in Plugins ▸ Geolivelihood ▸ Settings.</source>
            <translation>« {} » n’est plus disponible. Vérifiez le Python de calcul dans Extensions ▸ Geolivelihood ▸ Paramètres.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>The run did not end well.</source>
            <translation>L’exécution ne s’est pas bien terminée.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>Change...</source>
            <translation>Modifier...</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>The map is there: {} layers.</source>
            <translation>La carte est prête ; couches chargées : {}.</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>Scores: {}</source>
            <translation>Scores : {}</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>Print...</source>
            <translation>Imprimer...</translation>
        </message>
        <message>
            <location filename="../gui/jobs.py" />
            <source>Open report</source>
            <translation>Ouvrir le rapport</translation>
        </message>
        <message>
            <location filename="../gui/link_list.py" />
            <source>Draw them over the map: red raised the prediction, blue lowered it</source>
            <translation>Les dessiner sur la carte : le rouge a augmenté la prédiction, le bleu l’a diminuée</translation>
        </message>
        <message>
            <location filename="../gui/link_list.py" />
            <source>Hide links</source>
            <translation>Masquer les liens</translation>
        </message>
        <message>
            <location filename="../gui/link_list.py" />
            <source>Show links on the map</source>
            <translation>Afficher les liens sur la carte</translation>
        </message>
        <message>
            <location filename="../gui/run_window.py" />
            <source>The worker starts ...</source>
            <translation>Le Python de calcul démarre ...</translation>
        </message>
        <message>
            <location filename="../gui/run_window.py" />
            <source>What the worker says</source>
            <translation>Messages du Python de calcul</translation>
        </message>
        <message>
            <location filename="../gui/run_window.py" />
            <source>&amp;Cancel the run</source>
            <translation>&amp;Annuler l’exécution</translation>
        </message>
        <message>
            <location filename="../gui/run_window.py" />
            <source>after {}</source>
            <translation>après {}</translation>
        </message>
        <message>
            <location filename="../gui/run_window.py" />
            <source>{} so far</source>
            <translation>depuis {}</translation>
        </message>
        <message>
            <location filename="../gui/run_window.py" />
            <source>The run is being stopped ...</source>
            <translation>Arrêt de l’exécution ...</translation>
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
            <source>How many threads the worker may use. Fewer leave room for other work.</source>
            <translation>Nombre de fils d’exécution (threads) que le Python de calcul peut utiliser. Moins il y en a, plus il reste de place pour d’autres travaux.</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source> s</source>
            <translation> s</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>A worker that says nothing for so long is stopped. Heavy work may be silent.</source>
            <translation>Un Python de calcul qui ne donne aucun signe pendant cette durée est arrêté. Un calcul lourd peut rester silencieux.</translation>
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
            <source>Threads</source>
            <translation>Fils d’exécution</translation>
        </message>
        <message>
            <location filename="../gui/settings_dialog.py" />
            <source>Give up after silence of</source>
            <translation>Abandonner après un silence de</translation>
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
            <source>{} cannot be opened as a table.</source>
            <translation>{} ne peut pas être ouvert comme table.</translation>
        </message>
        <message>
            <location filename="../layers/arranger.py" />
            <source>Layer {} of {} cannot be opened.</source>
            <translation>La couche {} de {} ne peut pas être ouverte.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>GeoPackage (*.gpkg);;GeoJSON (*.geojson)</source>
            <translation>GeoPackage (*.gpkg);;GeoJSON (*.geojson)</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>GeoParquet (*.parquet)</source>
            <translation>GeoParquet (*.parquet)</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>There is no layer to export.</source>
            <translation>Il n’y a aucune couche à exporter.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>This QGIS cannot write GeoParquet: choose a name that ends in .gpkg.</source>
            <translation>Cette version de QGIS ne peut pas écrire de GeoParquet : choisissez un nom qui se termine par .gpkg.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{}: choose a name that ends in one of: {}.</source>
            <translation>{} : choisissez un nom qui se termine par l’un de ces suffixes : {}.</translation>
        </message>
        <message>
            <location filename="../layers/export.py" />
            <source>{} was not written: {}</source>
            <translation>Échec de l’écriture de {} : {}</translation>
        </message>
        <message>
            <location filename="../layers/mosaics.py" />
            <source>Maps of evidence</source>
            <translation>Cartes des éléments probants</translation>
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
            <source>Graph edges</source>
            <translation>Liens du graphe</translation>
        </message>
        <message>
            <location filename="../layers/results.py" />
            <source>Cells</source>
            <translation>Cellules</translation>
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
            <location filename="../layers/sources.py" />
            <source>{} cannot be opened as a vector layer or table.</source>
            <translation>{} ne peut pas être ouvert comme couche vectorielle ou table.</translation>
        </message>
        <message>
            <location filename="../layers/sources.py" />
            <source>There is no raster {}.</source>
            <translation>Le raster {} n’existe pas.</translation>
        </message>
        <message>
            <location filename="../layers/sources.py" />
            <source>{} is no file of this computer. Save it as a GeoTIFF first (Export ▸ Save As).</source>
            <translation>{} n’est pas un fichier de cet ordinateur. Enregistrez-le d’abord en GeoTIFF (Exporter ▸ Enregistrer sous).</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Overhead pictures</source>
            <translation>Images aériennes ou satellitaires</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Links between pictures</source>
            <translation>Liens entre images</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Where the evidence is strongest</source>
            <translation>Où les éléments probants sont les plus forts</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Pictures and cells that counted</source>
            <translation>Images et cellules qui ont compté</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Links that counted</source>
            <translation>Liens qui ont compté</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Where most of the evidence lies</source>
            <translation>Où se trouve l’essentiel des éléments probants</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Pictures with maps of evidence</source>
            <translation>Images avec cartes des éléments probants</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Concepts in pictures</source>
            <translation>Concepts dans les images</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Concepts at survey clusters</source>
            <translation>Concepts aux grappes d’enquête</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Concepts in cells</source>
            <translation>Concepts dans les cellules</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Kinds of pictures</source>
            <translation>Types d’images</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Evidence per area</source>
            <translation>Éléments probants par zone</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>What the photos see</source>
            <translation>Ce que voient les photos</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Where each cluster may lie</source>
            <translation>Où chaque grappe peut se trouver</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Set aside</source>
            <translation>Lignes écartées</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Survey</source>
            <translation>Enquête</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Map</source>
            <translation>Carte</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Tables</source>
            <translation>Tables</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>No data</source>
            <translation>Pas de données</translation>
        </message>
        <message>
            <location filename="../layers/titles.py" />
            <source>Not significant</source>
            <translation>Non significatif</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>From clusters and photos to a map...</source>
            <translation>Des grappes et des photos à la carte...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Load results...</source>
            <translation>Charger des résultats...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Export selected layers...</source>
            <translation>Exporter les couches sélectionnées...</translation>
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
            <source>Compare indicators...</source>
            <translation>Comparer des indicateurs...</translation>
        </message>
        <message>
            <location filename="../plugin.py" />
            <source>Load results</source>
            <translation>Charger des résultats</translation>
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
            <source>{} layers loaded; {} maps of evidence are missing: keep the result's folder together.</source>
            <translation>Couches chargées : {} ; cartes des éléments probants manquantes : {}. Conservez ensemble tous les fichiers du dossier du résultat.</translation>
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
            <source>A map is being printed: wait for it, or cancel it first.</source>
            <translation>Une carte est en cours d’impression : attendez-la, ou annulez-la d’abord.</translation>
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
            <source>Printing the map...</source>
            <translation>Impression de la carte...</translation>
        </message>
        <message>
            <location filename="../printing/action.py" />
            <source>Cancel</source>
            <translation>Annuler</translation>
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
            <source>Cancelled: nothing was printed.</source>
            <translation>Annulé : rien n’a été imprimé.</translation>
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>A layer was removed while it was printed: print again.</source>
            <translation>Une couche a été retirée pendant l’impression : relancez l’impression.</translation>
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
            <source>{} cannot be written to. Choose another folder.</source>
            <translation>Impossible d’écrire dans {}. Choisissez un autre dossier.</translation>
        </message>
        <message>
            <location filename="../printing/pdf.py" />
            <source>Map of {} ({})</source>
            <translation>Carte : {} ({})</translation>
        </message>
        <message>
            <location filename="../printing/rendered.py" />
            <source>no room for the picture of the map</source>
            <translation>pas assez d’espace pour l’image de la carte</translation>
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
            <location filename="../processing/base.py" />
            <source>Whole jobs</source>
            <translation>Traitements complets</translation>
        </message>
        <message>
            <location filename="../processing/catalogue.py" />
            <source>{} is an algorithm of the plugin</source>
            <translation>{} est un algorithme de l’extension</translation>
        </message>
        <message>
            <location filename="../processing/catalogue.py" />
            <source>An operation of {} was left out: {}.</source>
            <translation>Une opération de {} a été laissée de côté : {}.</translation>
        </message>
        <message>
            <location filename="../processing/catalogue.py" />
            <source>What the worker can do was not kept: {}</source>
            <translation>La liste de ce que peut faire le Python de calcul n’a pas été conservée : {}</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Compare two runs</source>
            <translation>Comparer deux exécutions</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Joins the cells (or regions) of two GeoPackages written by geolivelihood and writes a new one with the layer 'difference': both values and their intervals, second minus first, whether the intervals overlap, whether the difference is larger than half of both intervals, and whether both runs are applicable there. Cells in only one of the runs are counted and left out. Cells must have one size. A difference of two maps is no change on the ground unless it is larger than both their errors. Needs no worker Python.</source>
            <translation>Joint les cellules (ou les régions) de deux GeoPackages écrits par geolivelihood et en écrit un nouveau avec la couche « difference » : les deux valeurs et leurs intervalles de prédiction, la seconde moins la première, si les intervalles se chevauchent, si la différence est supérieure à la moitié de chacun des deux intervalles, et si les deux exécutions y sont applicables. Les cellules présentes dans une seule des exécutions sont comptées et laissées de côté. Les cellules doivent avoir la même taille. Une différence entre deux cartes n’est pas un changement sur le terrain, sauf si elle dépasse leurs erreurs à toutes deux. N’a pas besoin du Python de calcul.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>livelihood difference change two maps runs subtract</source>
            <translation>livelihood conditions-de-vie différence changement évolution comparer deux cartes exécutions soustraire</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>First results</source>
            <translation>Résultats de la première exécution</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>The GeoPackage of a run, which is subtracted.</source>
            <translation>Le GeoPackage d’une exécution, qui est soustraite.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Second results</source>
            <translation>Résultats de la seconde exécution</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>The GeoPackage of another run.</source>
            <translation>Le GeoPackage d’une autre exécution.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>The column to compare, such as wealth; empty: the first indicator that both runs have.</source>
            <translation>Le champ à comparer, par exemple « wealth ». Si vide : le premier indicateur commun aux deux exécutions.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Compare</source>
            <translation>Comparer</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Cells are joined by their H3 name, regions by their id.</source>
            <translation>Les cellules sont jointes par leur nom H3, les régions par leur identifiant.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Difference</source>
            <translation>Différence</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>A new GeoPackage; an existing file is never overwritten.</source>
            <translation>Un nouveau GeoPackage ; un fichier existant n’est jamais écrasé.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Load the layer when done</source>
            <translation>Charger la couche à la fin</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Add the layer of differences to the project.</source>
            <translation>Ajouter la couche des différences au projet.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Layers</source>
            <translation>Couches</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Number in both runs</source>
            <translation>Nombre dans les deux exécutions</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Number only in the first run</source>
            <translation>Nombre dans la première exécution seulement</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Number only in the second run</source>
            <translation>Nombre dans la seconde exécution seulement</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>{}: choose a name that ends in .gpkg.</source>
            <translation>{} : choisissez un nom qui se termine par .gpkg.</translation>
        </message>
        <message>
            <location filename="../processing/compare_runs.py" />
            <source>Both results are the same file: choose two runs.</source>
            <translation>Les deux résultats sont le même fichier : choisissez deux exécutions.</translation>
        </message>
        <message>
            <location filename="../processing/described.py" />
            <source>Table (*.csv)</source>
            <translation>Table (*.csv)</translation>
        </message>
        <message>
            <location filename="../processing/described.py" />
            <source>A new file. Left empty: a new folder in the results folder of the settings, or beside the project or the first input.</source>
            <translation>Un nouveau fichier. Si vide : un nouveau dossier dans le dossier des résultats indiqué dans les paramètres, ou à côté du projet ou de la première entrée.</translation>
        </message>
        <message>
            <location filename="../processing/described.py" />
            <source>A new folder, or one that an earlier run has begun, which is gone on with.</source>
            <translation>Un nouveau dossier, ou un dossier commencé par une exécution antérieure, qui est alors poursuivie.</translation>
        </message>
        <message>
            <location filename="../processing/described.py" />
            <source>A new folder; in one that is there already, a new one is made.</source>
            <translation>Un nouveau dossier ; s’il existe déjà, un nouveau dossier y est créé.</translation>
        </message>
        <message>
            <location filename="../processing/described.py" />
            <source>{} is a file. Choose a new folder.</source>
            <translation>{} est un fichier. Choisissez un nouveau dossier.</translation>
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
            <source>Writes layers to one new GeoPackage (with their styles, metadata and the run's provenance), or to GeoJSON (RFC 7946: longitude and latitude, WGS 84; one file per layer, its style, metadata and provenance in files beside it), or to GeoParquet likewise, where this QGIS can write it. An existing file is never overwritten.</source>
            <translation>Écrit des couches dans un nouveau GeoPackage (avec leurs styles, leurs métadonnées et la provenance de l’exécution), en GeoJSON (RFC 7946 : longitude et latitude, WGS 84 ; un fichier par couche, avec son style, ses métadonnées et sa provenance dans des fichiers à côté de lui) ou, de la même façon, en GeoParquet si cette version de QGIS sait l’écrire. Un fichier existant n’est jamais écrasé.</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>livelihood save geopackage geojson share style</source>
            <translation>livelihood conditions-de-vie enregistrer sauvegarder geopackage geojson partager style</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>The vector layers to write, with the style that is seen now.</source>
            <translation>Les couches vectorielles à écrire, avec le style actuellement affiché.</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Only selected features</source>
            <translation>Entités sélectionnées uniquement</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Write what is selected; layers in which nothing is selected are left out.</source>
            <translation>Écrire ce qui est sélectionné ; les couches sans aucune sélection sont laissées de côté.</translation>
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
            <source>A new file; its ending (.gpkg, .geojson or .parquet) chooses the format.</source>
            <translation>Un nouveau fichier ; son suffixe (.gpkg, .geojson ou .parquet) détermine le format.</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Files</source>
            <translation>Fichiers</translation>
        </message>
        <message>
            <location filename="../processing/export.py" />
            <source>Nothing is selected in these layers.</source>
            <translation>Rien n’est sélectionné dans ces couches.</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>Parameters</source>
            <translation>Paramètres</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>Advanced parameters</source>
            <translation>Paramètres avancés</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>Further outputs</source>
            <translation>Autres sorties</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>From Python and the command line</source>
            <translation>Depuis Python et la ligne de commande</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>may be left empty</source>
            <translation>peut rester vide</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>needed</source>
            <translation>obligatoire</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>default: {}</source>
            <translation>par défaut : {}</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>at least {}</source>
            <translation>au moins {}</translation>
        </message>
        <message>
            <location filename="../processing/help_pages.py" />
            <source>at most {}</source>
            <translation>au plus {}</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>There is no {}; choose one of: {}.</source>
            <translation>{} n’existe pas ; choisissez l’une de ces valeurs : {}.</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>{}: {} has lines, not points.</source>
            <translation>{} : {} contient des lignes, et non des points.</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>{}: {} has no polygons.</source>
            <translation>{} : {} ne contient pas de polygones.</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>{} is missing.</source>
            <translation>Il manque : {}.</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>{}: there is no field {}. There are: {}.</source>
            <translation>{} : champ introuvable : {}. Champs présents : {}.</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>All files</source>
            <translation>Tous les fichiers</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>{}: there is no file {}.</source>
            <translation>{} : le fichier {} n’existe pas.</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>{}: there is no folder {}.</source>
            <translation>{} : le dossier {} n’existe pas.</translation>
        </message>
        <message>
            <location filename="../processing/kinds.py" />
            <source>{}: {} is no date such as 2024-01-31.</source>
            <translation>{} : {} n’est pas une date de la forme 2024-01-31.</translation>
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>Opens a GeoPackage written by geolivelihood as a map: all its layers with the styles that they carry, in one group named after the file, points on top; maps of evidence that lie as rasters beside it come below them. Needs no worker Python.</source>
            <translation>Ouvre comme une carte un GeoPackage écrit par geolivelihood : toutes ses couches avec les styles qu’elles portent, dans un groupe qui porte le nom du fichier, les points au-dessus ; les cartes des éléments probants, rasters placés à côté de lui, viennent en dessous. N’a pas besoin du Python de calcul.</translation>
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
            <location filename="../processing/load_results.py" />
            <source>Number of missing maps of evidence</source>
            <translation>Nombre de cartes des éléments probants manquantes</translation>
        </message>
        <message>
            <location filename="../processing/load_results.py" />
            <source>{} maps of evidence are missing: keep the folder of the result together with its file.</source>
            <translation>Cartes des éléments probants manquantes : {}. Conservez le dossier du résultat avec son fichier.</translation>
        </message>
        <message>
            <location filename="../processing/needs.py" />
            <source>{} is '{}': give {}, too.</source>
            <translation>{} : « {} » est choisi ; indiquez aussi : {}.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Sum up cells to regions</source>
            <translation>Agréger des cellules par région</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Averages values of H3 cells, such as the layer 'cells' of a result, over regions. A cell counts by the people it shares with the region, where a population raster is given, else by the area. How much of each region the cells cover is told, for the mean of a region that is covered in part is that of the part.</source>
            <translation>Calcule par région la moyenne de valeurs de cellules H3, par exemple celles de la couche « cells » d’un résultat. Une cellule compte selon la population qu’elle a en commun avec la région si un raster de population est fourni, sinon selon la superficie. La part de chaque région que couvrent les cellules est indiquée, car la moyenne d’une région couverte en partie n’est que celle de cette partie.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>aggregate regions zonal districts mean population weighted cells</source>
            <translation>livelihood conditions-de-vie agréger régions zonal districts moyenne population pondération cellules</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A layer or table with one row per H3 cell.</source>
            <translation>Une couche ou une table avec une ligne par cellule H3.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Values</source>
            <translation>Valeurs</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Fields with numbers; their means are written under the same names. Cells without a number are left out.</source>
            <translation>Champs numériques ; leurs moyennes sont écrites sous les mêmes noms. Les cellules sans valeur numérique sont ignorées.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Polygons, in any coordinate system.</source>
            <translation>Polygones, quel que soit leur SCR.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Field with the names of the regions</source>
            <translation>Champ des noms des régions</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>What people call them.</source>
            <translation>Les noms usuels des régions.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Population raster</source>
            <translation>Raster de population</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>People per pixel (not per km²), in any coordinate system. Without one, the area counts.</source>
            <translation>Nombre d’habitants par pixel (et non par km²), quel que soit le SCR. Si vide : c’est la superficie qui compte.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Field with the names of the cells</source>
            <translation>Champ des noms des cellules</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>H3 names such as 8728308280fffff; by default the field 'cell'.</source>
            <translation>Noms H3 tels que 8728308280fffff ; par défaut le champ « cell ».</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A GeoPackage with the styled layer 'regions' (polygons, EPSG:4326): name, the means, cells (how many touch the region) and covered (share of its people, else area, in cells with a value, 0 to 1).</source>
            <translation>Un GeoPackage avec la couche stylisée « regions » (polygones, EPSG:4326) : name (le nom), les moyennes, cells (nombre de cellules qui touchent la région) et covered (part de sa population, à défaut de sa superficie, dans des cellules qui ont une valeur, de 0 à 1).</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Link pictures to their neighbours</source>
            <translation>Relier des images à leurs voisines</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Draws a line from each picture to the nearest other ones, or to all within a distance, measured on the ground. Networks of this kind let a model see photos together with those around them.</source>
            <translation>Trace une ligne entre chaque image et les autres images les plus proches, ou toutes celles situées à moins d’une certaine distance, mesurée au sol. De tels réseaux permettent à un modèle de voir les photos avec celles qui les entourent.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>graph network neighbours links edges</source>
            <translation>livelihood conditions-de-vie graphe réseau voisins voisines liens arêtes</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>One row per picture, in any coordinate system.</source>
            <translation>Une ligne par image, quel que soit le SCR.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Number of neighbours</source>
            <translation>Nombre de voisines</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Each picture is linked to so many nearest ones.</source>
            <translation>Chaque image est reliée à ce nombre d’images les plus proches.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Distance (metres)</source>
            <translation>Distance (mètres)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Instead of a number of neighbours: link all pictures that are at most so far apart.</source>
            <translation>Au lieu d’un nombre de voisines : relier toutes les images distantes d’au plus cette valeur.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Field with the names of the pictures</source>
            <translation>Champ des noms des images</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Unique names. By default the field image_id, else the rows are numbered from 1.</source>
            <translation>Noms uniques. Par défaut le champ image_id, sinon les lignes sont numérotées à partir de 1.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Coordinate system of a text table</source>
            <translation>SCR d’une table au format texte</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Only for pictures in a CSV file with columns longitude and latitude (or lon and lat), which cannot say their coordinate system. EPSG:4326 is longitude and latitude in degrees. Layers have their own.</source>
            <translation>Seulement pour des images dans un fichier CSV à colonnes longitude et latitude (ou lon et lat), qui ne peut pas indiquer son SCR. EPSG:4326 désigne la longitude et la latitude en degrés. Les couches ont leur propre SCR.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A GeoPackage with two styled layers (EPSG:4326): 'images' (points) and 'edges' (lines with source and target, the names of the two pictures, and distance_m, metres).</source>
            <translation>Un GeoPackage avec deux couches stylisées (EPSG:4326) : « images » (points) et « edges » (lignes avec source et target, les noms des deux images, et distance_m, en mètres).</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Check the inputs of a project</source>
            <translation>Vérifier les données d’entrée d’un projet</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Reads every table that a project file names (survey clusters, pictures, regions) as a run would, and says how many rows each has and which rows cannot be used, with the reason. Nothing is trained. Faults of the project file itself are all listed at once, with their lines.</source>
            <translation>Lit, comme le ferait une exécution, toutes les tables que nomme un fichier de projet (grappes d’enquête, images, régions), puis indique combien de lignes compte chacune et quelles lignes sont inutilisables, avec le motif. Aucun apprentissage n’est effectué. Les erreurs du fichier de projet lui-même sont toutes énumérées en une fois, avec leurs numéros de ligne.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>check validate project inputs rejected rows quality</source>
            <translation>livelihood conditions-de-vie vérifier valider projet données entrées rejetées lignes qualité</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Settings that take the place of the file's, one per line: validation.folds = 3</source>
            <translation>Paramètres qui remplacent ceux du fichier, un par ligne : validation.folds = 3</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Rows set aside</source>
            <translation>Lignes écartées</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A CSV table with one line for each row that cannot be used: stage (which table), row (its id), column and reason. It has no lines where everything can be used.</source>
            <translation>Une table CSV avec une ligne pour chaque ligne inutilisable : stage (quelle table), row (son identifiant), column (le champ) et reason (le motif). Elle est vide si tout est utilisable.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>The whole way: learns from survey clusters what pictures tell of an indicator, scores several models on places that they had not seen, and maps the indicator with intervals, saying where the map must not be trusted. Writes a project file beside the result, which can be changed and run again, and a report.</source>
            <translation>De bout en bout : apprend, à partir des grappes d’enquête, ce que les images disent d’un indicateur, évalue plusieurs modèles sur des lieux exclus de leur apprentissage et cartographie l’indicateur avec des intervalles de prédiction, en indiquant où il ne faut pas se fier à la carte. Écrit à côté du résultat un fichier de projet, qui peut être modifié et exécuté de nouveau, et un rapport.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>map survey DHS clusters photos satellite tiles wealth poverty assistant project</source>
            <translation>livelihood conditions-de-vie carte enquête DHS EDS grappes photos satellite tuiles richesse pauvreté assistant projet</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Points with the indicators as fields, in any coordinate system. Some forty at least.</source>
            <translation>Points dont les champs contiennent les indicateurs, quel que soit le SCR. Une quarantaine au moins.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Field with the names of the clusters</source>
            <translation>Champ des noms des grappes</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>By default the field cluster_id, else the rows are numbered from 1.</source>
            <translation>Par défaut le champ cluster_id, sinon les lignes sont numérotées à partir de 1.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Were the points moved before they were published?</source>
            <translation>Les points ont-ils été déplacés avant leur publication ?</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>DHS surveys move them at random by up to 2 km in towns, 5 km (a few 10 km) in the country; each cluster then counts in all the places where it may lie.</source>
            <translation>Les enquêtes DHS (EDS) les déplacent au hasard, jusqu’à 2 km en milieu urbain et 5 km (10 km pour quelques-uns) en milieu rural ; chaque grappe compte alors dans tous les lieux où elle peut se trouver.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>No, they are where the survey was</source>
            <translation>Non, ils sont là où l’enquête a eu lieu</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Yes, as DHS surveys do</source>
            <translation>Oui, comme dans les enquêtes DHS (EDS)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Field that says urban or rural</source>
            <translation>Champ du milieu urbain ou rural</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Needed for displaced points: U or R, 1 or 0, true or false; in DHS files URBAN_RURA.</source>
            <translation>Nécessaire pour les points déplacés : U ou R, 1 ou 0, true ou false ; dans les fichiers DHS : URBAN_RURA.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Kind of pictures</source>
            <translation>Type d’images</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>What the map is made from.</source>
            <translation>Ce à partir de quoi la carte est produite.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Photos in a table or layer (places and paths of files)</source>
            <translation>Photos dans une table ou une couche (lieux et chemins des fichiers)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A folder of photos that hold their own position</source>
            <translation>Un dossier de photos qui contiennent leur propre position</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A folder of map tiles (named zoom-x-y) or GeoTIFF tiles</source>
            <translation>Un dossier de tuiles de carte (nommées zoom-x-y) ou de tuiles GeoTIFF</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Satellite pictures or other rasters</source>
            <translation>Images satellitaires ou autres rasters</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Table of photos</source>
            <translation>Table des photos</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>One row per photo: points in any coordinate system. Where it has a field cluster_id, the photos of a cluster are those of its name, else those near it.</source>
            <translation>Une ligne par photo : points, quel que soit le SCR. S’il y a un champ cluster_id, les photos d’une grappe sont celles qui portent son nom, sinon celles qui en sont proches.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Field with the paths of the photos</source>
            <translation>Champ des chemins des photos</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>By default the field 'path'. Relative paths start from the folder of the table, or from the folder of photos where one is given.</source>
            <translation>Par défaut le champ « path ». Les chemins relatifs partent du dossier de la table, ou du dossier de photos si celui-ci est indiqué.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>JPEG photos with their position (EXIF); with a table, where its paths start.</source>
            <translation>Photos JPEG avec leur position (EXIF) ; avec une table, le dossier d’où partent ses chemins.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Pictures named zoom-x-y (or x-y-zoom, or in folders zoom/x/y), as web maps use them, or GeoTIFFs.</source>
            <translation>Images nommées zoom-x-y (ou x-y-zoom, ou dans des dossiers zoom/x/y), comme dans les cartes web, ou fichiers GeoTIFF.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Rasters of one kind (same pixels, same bands) count as pieces of one picture, others as further pictures of the same place.</source>
            <translation>Les rasters d’un même type (mêmes pixels, mêmes bandes) comptent comme les morceaux d’une même image, les autres comme des images supplémentaires du même lieu.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Window cut from rasters (metres)</source>
            <translation>Fenêtre découpée dans les rasters (mètres)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Side of the square around each cluster and each cell that a model sees. Empty: seven pixels, and not less than 2000 m.</source>
            <translation>Côté du carré que voit un modèle autour de chaque grappe et de chaque cellule. Si vide : sept pixels, et au moins 2 000 m.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Coordinate system of rasters without one</source>
            <translation>SCR des rasters qui n’en ont pas</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Pictures with a world file cannot say it. EPSG:4326 is longitude and latitude.</source>
            <translation>Les images accompagnées d’un fichier de calage (world file) ne peuvent pas l’indiquer. EPSG:4326 désigne la longitude et la latitude.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Only for clusters and photos in a CSV file with columns longitude and latitude (or lon and lat), which cannot say their coordinate system. EPSG:4326 is longitude and latitude in degrees. Layers have their own.</source>
            <translation>Seulement pour des grappes et des photos dans un fichier CSV à colonnes longitude et latitude (ou lon et lat), qui ne peut pas indiquer son SCR. EPSG:4326 désigne la longitude et la latitude en degrés. Les couches ont leur propre SCR.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>What is to be mapped: fields of the clusters with numbers. The first is shown first.</source>
            <translation>Ce qu’il faut cartographier : champs numériques des grappes. Le premier est affiché en premier.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Words for the first indicator</source>
            <translation>Libellé du premier indicateur</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>How it is called on the map, with its unit: Wealth index (standard deviations).</source>
            <translation>Son nom sur la carte, avec son unité : Indice de richesse (écarts types).</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Way to describe a picture</source>
            <translation>Manière de décrire une image</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>What turns a picture into numbers. Automatic: random filters for photos and tiles, colours for rasters. Networks start from random weights.</source>
            <translation>Ce qui convertit une image en nombres. Automatique : filtres aléatoires pour les photos et les tuiles, couleurs pour les rasters. Les réseaux partent de poids aléatoires.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Random filters (rcf): fast, learns nothing beforehand, needs no download</source>
            <translation>Filtres aléatoires (rcf) : rapide, sans apprentissage préalable ni téléchargement</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Colours (summary): mean, spread and quantiles of each band</source>
            <translation>Couleurs (summary) : moyenne, dispersion et quantiles de chaque bande</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>ResNet-18 network</source>
            <translation>Réseau ResNet-18</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>ResNet-50 network (slower)</source>
            <translation>Réseau ResNet-50 (plus lent)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>ConvNeXt tiny network (slower)</source>
            <translation>Réseau ConvNeXt tiny (plus lent)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Vision transformer B/16 (slowest)</source>
            <translation>Vision transformer B/16 (le plus lent)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Models to compare</source>
            <translation>Modèles à comparer</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Each is scored on clusters that it had not seen. Keep the simple ones: they tell what the pictures are worth. Trees and networks take minutes to hours.</source>
            <translation>Chacun est évalué sur des grappes exclues de son apprentissage. Gardez les plus simples : ils montrent ce qu’apportent les images. Les arbres et les réseaux prennent de quelques minutes à plusieurs heures.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Mean of all clusters (what any model must beat)</source>
            <translation>Moyenne de toutes les grappes (ce que tout modèle doit surpasser)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Nearest clusters</source>
            <translation>Grappes les plus proches</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Inverse distance: near clusters count more</source>
            <translation>Distance inverse : les grappes proches comptent davantage</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Gaussian process (kriging)</source>
            <translation>Processus gaussien (krigeage)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Linear model of the pictures</source>
            <translation>Modèle linéaire à partir des images</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Boosted trees of the pictures</source>
            <translation>Arbres boostés à partir des images</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Network of neighbouring pictures (slow)</source>
            <translation>Réseau d’images voisines (lent)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Network of neighbouring cells, knows displacement (slow)</source>
            <translation>Réseau de cellules voisines, tient compte du déplacement (lent)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Model that makes the map</source>
            <translation>Modèle qui produit la carte</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Automatic: the first that is compared of linear model, trees and networks; for displaced points the network of cells, where it is compared. The best score is not taken, for it would flatter the map.</source>
            <translation>Automatique : le premier des modèles comparés parmi le modèle linéaire, les arbres et les réseaux ; pour des points déplacés, le réseau de cellules s’il est comparé. Le modèle au meilleur score n’est pas choisi, car cela flatterait la carte.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Number of parts</source>
            <translation>Nombre de plis</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>The clusters are dealt into so many parts; each part is predicted from the others.</source>
            <translation>Les grappes sont réparties en autant de parties (plis) ; chacune est prédite à partir des autres.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Ways to hold clusters out</source>
            <translation>Manières d’exclure des grappes de l’apprentissage</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Empty: random and blocked, and whole regions where at least three have clusters.</source>
            <translation>Si vide : au hasard et par blocs spatiaux, ainsi que par régions entières si trois au moins contiennent des grappes.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Random clusters: how good is the map beside a surveyed place?</source>
            <translation>Grappes au hasard : que vaut la carte à côté d’un lieu enquêté ?</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Blocks of land (always): how good is it where nobody surveyed?</source>
            <translation>Blocs spatiaux (toujours) : que vaut-elle là où personne n’a enquêté ?</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Whole regions: how good is it in a region that nobody surveyed?</source>
            <translation>Régions entières : que vaut-elle dans une région où personne n’a enquêté ?</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>As far from a survey as the cells of the map are</source>
            <translation>Plis aussi éloignés d’un lieu enquêté que les cellules de la carte</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Buffer (metres)</source>
            <translation>Zone tampon (mètres)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Clusters nearer than this to a block that is held out are not learned from. Empty: as far as errors resemble each other.</source>
            <translation>Les grappes situées à moins de cette distance d’un bloc exclu ne servent pas à l’apprentissage. Si vide : la distance jusqu’à laquelle les erreurs se ressemblent.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Coverage of the intervals</source>
            <translation>Taux de couverture des intervalles</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Share of true values that the interval of a place is to hold: 0.9 is nine in ten.</source>
            <translation>Part des vraies valeurs que l’intervalle de prédiction d’un lieu doit contenir : 0,9 signifie neuf sur dix.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Size of the cells (H3 resolution)</source>
            <translation>Taille des cellules (résolution H3)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>0 is the coarsest, 15 the finest. A cell measures on average 250 km² at resolution 5, 36 km² at 6, 5 km² at 7, 0.7 km² at 8, 0.1 km² at 9.</source>
            <translation>0 est la plus grossière, 15 la plus fine. Une cellule mesure en moyenne 250 km² à la résolution 5, 36 km² à 6, 5 km² à 7, 0,7 km² à 8, 0,1 km² à 9.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Polygons that the map is summed up to, such as districts. With rasters the map covers them whole.</source>
            <translation>Polygones par lesquels la carte est agrégée, par exemple des districts. Avec des rasters, la carte les couvre en entier.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Each name once.</source>
            <translation>Chaque nom une seule fois.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Say what the model went by</source>
            <translation>Indiquer sur quoi le modèle s’est appuyé</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>How much each kind of picture mattered, in the report.</source>
            <translation>L’importance de chaque type d’images, dans le rapport.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Stands above the map and the report.</source>
            <translation>Figure en tête de la carte et du rapport.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Rows that may be unusable (share)</source>
            <translation>Part admise de lignes inutilisables</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>More of them stop the run: 0.1 is one in ten.</source>
            <translation>Au-delà, l’exécution s’arrête : 0,1 signifie une sur dix.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Random seed</source>
            <translation>Graine aléatoire</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>The same number gives the same result again.</source>
            <translation>Le même nombre redonne le même résultat.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A GeoPackage with styled layers (EPSG:4326): 'cells' with the indicators, their intervals (lower, upper) and whether the model applies; clusters, pictures, and regions where they are given. Beside it the project file, scores, the map as a picture, and the report.</source>
            <translation>Un GeoPackage avec des couches stylisées (EPSG:4326) : « cells » avec les indicateurs, leurs intervalles de prédiction (lower, upper) et l’applicabilité du modèle ; les grappes, les images, et les régions si elles sont fournies. À côté : le fichier de projet, les scores, la carte sous forme d’image et le rapport.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Displacement surface of clusters</source>
            <translation>Surface de déplacement des grappes</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Surveys such as the DHS move the points of their clusters at random before they publish them, so that nobody can be found: in towns by up to 2 km, in the country by up to 5 km, one in a hundred by up to 10 km. This draws, for each published point, the probability that the true place lies in each H3 cell. The probabilities of a cluster sum to 1.</source>
            <translation>Des enquêtes comme les DHS (EDS) déplacent au hasard les points de leurs grappes avant de les publier, afin que personne ne puisse être retrouvé : en milieu urbain jusqu’à 2 km, en milieu rural jusqu’à 5 km, et jusqu’à 10 km pour un point sur cent. Représente, pour chaque point publié, la probabilité que le vrai lieu se trouve dans chaque cellule H3. La somme des probabilités d’une grappe est égale à 1.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>DHS displacement clusters survey uncertainty probability jitter</source>
            <translation>livelihood conditions-de-vie DHS EDS déplacement grappes enquête incertitude probabilité décalage</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>The published points, in any coordinate system.</source>
            <translation>Les points publiés, quel que soit le SCR.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>U or R, 1 or 0, true or false; in DHS files URBAN_RURA. By default a field of the name urban or URBAN_RURA; where there is none all clusters count as rural.</source>
            <translation>U ou R, 1 ou 0, true ou false ; dans les fichiers DHS : URBAN_RURA. Par défaut un champ nommé urban ou URBAN_RURA ; s’il n’y en a pas, toutes les grappes sont considérées comme rurales.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>0 is the coarsest, 15 the finest. A cell measures on average 250 km² at resolution 5, 36 km² at 6, 5 km² at 7, 0.7 km² at 8, 0.1 km² at 9. At 8 a rural cluster is spread over some 430 cells.</source>
            <translation>0 est la plus grossière, 15 la plus fine. Une cellule mesure en moyenne 250 km² à la résolution 5, 36 km² à 6, 5 km² à 7, 0,7 km² à 8, 0,1 km² à 9. À 8, une grappe rurale est répartie sur quelque 430 cellules.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Only these clusters</source>
            <translation>Seulement ces grappes</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Names of clusters, one per line; by default all.</source>
            <translation>Noms de grappes, un par ligne ; par défaut toutes.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Borders that are not crossed</source>
            <translation>Limites non franchies</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Polygons of the administrative level that points were kept in; the survey's note on displacement names it (DHS: usually the second level).</source>
            <translation>Polygones du niveau administratif à l’intérieur duquel les points ont été maintenus ; la note de l’enquête sur le déplacement le précise (DHS : en général le deuxième niveau).</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>People per pixel, in any coordinate system: places where more people live are likelier.</source>
            <translation>Nombre d’habitants par pixel, quel que soit le SCR : les lieux plus peuplés sont plus probables.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Farthest in towns (metres)</source>
            <translation>Maximum en milieu urbain (mètres)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Largest displacement of urban clusters.</source>
            <translation>Déplacement maximal des grappes urbaines.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Farthest in the country (metres)</source>
            <translation>Maximum en milieu rural (mètres)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Largest displacement of most rural clusters.</source>
            <translation>Déplacement maximal de la plupart des grappes rurales.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Farthest of the few (metres)</source>
            <translation>Maximum des quelques grappes déplacées plus loin (mètres)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Largest displacement of the few rural clusters that are moved farther.</source>
            <translation>Déplacement maximal des quelques grappes rurales qui sont déplacées plus loin.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Share of the few</source>
            <translation>Part des quelques grappes déplacées plus loin</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Share of rural clusters that are moved farther, 0 to 1.</source>
            <translation>Part des grappes rurales qui sont déplacées plus loin, de 0 à 1.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Only for clusters in a CSV file with columns longitude and latitude (or lon and lat), which cannot say their coordinate system. EPSG:4326 is longitude and latitude in degrees. Layers have their own.</source>
            <translation>Seulement pour des grappes dans un fichier CSV à colonnes longitude et latitude (ou lon et lat), qui ne peut pas indiquer son SCR. EPSG:4326 désigne la longitude et la latitude en degrés. Les couches ont leur propre SCR.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Displacement surface</source>
            <translation>Surface de déplacement</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A GeoPackage with three styled layers (EPSG:4326): 'clusters' (the published points), 'cells_clusters' (a polygon per cluster and cell: cluster_id, cell, weight, which is the probability from 0 to 1) and 'cells' (expected: the sum of the probabilities, the number of clusters to be expected in the cell).</source>
            <translation>Un GeoPackage avec trois couches stylisées (EPSG:4326) : « clusters » (les points publiés), « cells_clusters » (un polygone par grappe et par cellule : cluster_id, cell, et weight, la probabilité de 0 à 1) et « cells » (expected : la somme des probabilités, c’est-à-dire le nombre de grappes attendu dans la cellule).</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Download Mapillary photos</source>
            <translation>Télécharger des photos Mapillary</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Fetches the street photos that Mapillary has of an area, with place, direction and time of each. Mapillary asks for an access token, which is read from the environment variable MAPILLARY_TOKEN of the worker and is never stored. A stopped download goes on where it was when it is given the same folder again. The pictures are CC BY-SA 4.0: name the creator of each that you show.</source>
            <translation>Récupère les photos de rue que Mapillary possède d’une zone, avec le lieu, l’orientation, la date et l’heure de chacune. Mapillary exige un jeton d’accès, qui est lu dans la variable d’environnement MAPILLARY_TOKEN du Python de calcul et n’est jamais enregistré. Un téléchargement interrompu reprend là où il s’était arrêté si on lui indique de nouveau le même dossier. Les images sont sous licence CC BY-SA 4.0 : citez l’auteur de chacune de celles que vous montrez.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>mapillary street photos download streetview</source>
            <translation>livelihood conditions-de-vie mapillary photos rue télécharger téléchargement streetview</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Area</source>
            <translation>Zone</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>West, south, east, north. Keep it to the size of a town: a city centre has hundreds of thousands.</source>
            <translation>Ouest, sud, est, nord. Limitez-la à la taille d’une ville : un centre-ville compte des centaines de milliers de photos.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>From</source>
            <translation>À partir du</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Photos taken on this day or later.</source>
            <translation>Photos prises ce jour-là ou plus tard.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Before</source>
            <translation>Avant le</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Photos taken before this day.</source>
            <translation>Photos prises avant ce jour.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Panoramas too</source>
            <translation>Inclure les panoramas</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Also take pictures all around (360°), which look distorted.</source>
            <translation>Prendre aussi les images panoramiques (360°), qui paraissent déformées.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Only the table</source>
            <translation>Seulement la table</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Write where the photos are, and fetch no picture.</source>
            <translation>Écrire où se trouvent les photos, sans récupérer d’image.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Width of the pictures (pixels)</source>
            <translation>Largeur des images (pixels)</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Models need no more than 1024.</source>
            <translation>Les modèles n’ont pas besoin de plus de 1024.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>256</source>
            <translation>256</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>1024</source>
            <translation>1024</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>2048</source>
            <translation>2048</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>as it was taken</source>
            <translation>taille d’origine</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Way to ask</source>
            <translation>Mode de requête</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Boxes tell more of each photo; tiles need fewer requests for a wide area.</source>
            <translation>Les petits rectangles en disent plus sur chaque photo ; les tuiles demandent moins de requêtes pour une zone étendue.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>in small boxes</source>
            <translation>par petits rectangles</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>by map tiles</source>
            <translation>par tuiles de carte</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A folder with the table images.parquet (points, EPSG:4326: heading, time, creator, path of the file), the pictures, and rejected.csv with those that could not be had.</source>
            <translation>Un dossier avec la table images.parquet (points, EPSG:4326 : orientation, date et heure, auteur, chemin du fichier), les images, et rejected.csv avec celles qui n’ont pas pu être obtenues.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Turn pictures into numbers</source>
            <translation>Convertir des images en nombres</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Describes each picture by a row of numbers (its features), as models take them. A stopped call goes on where it was when it is given the same folder again.</source>
            <translation>Décrit chaque image par une ligne de nombres (ses variables), telle que l’utilisent les modèles. Un traitement interrompu reprend là où il s’était arrêté si on lui indique de nouveau le même dossier.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>embed features encoder vectors pictures photos</source>
            <translation>livelihood conditions-de-vie plongement variables encodeur vecteurs images photos</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Table of pictures</source>
            <translation>Table des images</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>One row per picture, with its place (points of photos, or outlines of overhead pictures). Give this or a folder of photos.</source>
            <translation>Une ligne par image, avec son lieu (points des photos, ou contours des images aériennes ou satellitaires). Indiquez cette table ou un dossier de photos.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Instead of a table: JPEG photos that hold their own position (EXIF). With a table: the folder that the paths of its pictures start from; by default the folder of the table.</source>
            <translation>Au lieu d’une table : photos JPEG qui contiennent leur propre position (EXIF). Avec une table : le dossier d’où partent les chemins de ses images ; par défaut le dossier de la table.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Field with the paths of the picture files</source>
            <translation>Champ des chemins des fichiers d’images</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>By default the field 'path'. Paths may be relative.</source>
            <translation>Par défaut le champ « path ». Les chemins peuvent être relatifs.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Networks start from random weights unless weights are named below.</source>
            <translation>Les réseaux partent de poids aléatoires, sauf si des poids sont indiqués ci-dessous.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Weights of the network</source>
            <translation>Poids du réseau</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>'random', a file (.safetensors or .pth), or the name of published weights such as DEFAULT, which are downloaded once. Only for networks.</source>
            <translation>« random », un fichier (.safetensors ou .pth), ou le nom de poids publiés tel que DEFAULT, téléchargés une seule fois. Seulement pour les réseaux.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Pictures that may be unusable (share)</source>
            <translation>Part admise d’images inutilisables</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Features</source>
            <translation>Variables</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A folder with one row of numbers per picture (Parquet), what made them, and the pictures that could not be read (rejected.csv) or whose rows cannot be used (table_rejected.csv).</source>
            <translation>Un dossier avec une ligne de nombres par image (Parquet), ce qui les a produites, et les images qui n’ont pas pu être lues (rejected.csv) ou dont les lignes sont inutilisables (table_rejected.csv).</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Count points by cell</source>
            <translation>Compter des points par cellule</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Lays H3 cells (hexagons of about equal size all over the earth) under pictures, survey clusters or any other points, counts how many lie in each cell, and averages fields of numbers over them.</source>
            <translation>Superpose des cellules H3 (hexagones de taille à peu près égale sur toute la Terre) à des images, des grappes d’enquête ou tout autre type de points, compte combien se trouvent dans chaque cellule et y calcule la moyenne de champs numériques.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>h3 hexagon grid index aggregate points pictures count mean</source>
            <translation>livelihood conditions-de-vie h3 hexagone grille index agréger points images nombre moyenne</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Points</source>
            <translation>Points</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Pictures or any other points, in any coordinate system. Polygons count where their middle is.</source>
            <translation>Images ou tout autre type de points, quel que soit le SCR. Les polygones comptent là où se trouve leur centre.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Fields to average</source>
            <translation>Champs dont calculer la moyenne</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Fields with numbers; their mean over the points of each cell is written under the same name. Empty entries are left out.</source>
            <translation>Champs numériques ; leur moyenne sur les points de chaque cellule est écrite sous le même nom. Les valeurs vides sont ignorées.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Only for points in a CSV file with columns longitude and latitude (or lon and lat), which cannot say their coordinate system. EPSG:4326 is longitude and latitude in degrees. Layers have their own.</source>
            <translation>Seulement pour des points dans un fichier CSV à colonnes longitude et latitude (ou lon et lat), qui ne peut pas indiquer son SCR. EPSG:4326 désigne la longitude et la latitude en degrés. Les couches ont leur propre SCR.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A GeoPackage with the styled layer 'cells' (polygons, EPSG:4326): cell (H3 name), count (number of points) and the means. Points without a place are in the table 'rejected', with the reason.</source>
            <translation>Un GeoPackage avec la couche stylisée « cells » (polygones, EPSG:4326) : cell (nom H3), count (nombre de points) et les moyennes. Les points sans lieu sont dans la table « rejected », avec le motif.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Predict with a saved model</source>
            <translation>Prédire avec un modèle enregistré</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Predicts the H3 cells of a project with a model that 'Train a model' has saved. The pictures of the project are turned into numbers as those of the model were; where that cannot be, it says so and stops.</source>
            <translation>Prédit les cellules H3 d’un projet avec un modèle enregistré par « Entraîner un modèle ». Les images du projet sont converties en nombres comme celles du modèle l’ont été ; si ce n’est pas possible, le traitement le signale et s’arrête.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>predict map cells model</source>
            <translation>livelihood conditions-de-vie prédire prédiction carte cellules modèle</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>The folder that 'Train a model' has written.</source>
            <translation>Le dossier écrit par « Entraîner un modèle ».</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Predictions</source>
            <translation>Prédictions</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A GeoPackage with the styled layer 'cells' (polygons, EPSG:4326): the predicted indicators in the units of the survey.</source>
            <translation>Un GeoPackage avec la couche stylisée « cells » (polygones, EPSG:4326) : les indicateurs prédits, dans les unités de l’enquête.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Train a model</source>
            <translation>Entraîner un modèle</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Fits one model of a project file to all its survey clusters and saves it in a folder, with a card that says what it learned from and how well it did on places that it had not seen. 'Predict with a saved model' uses it on the cells of this or another project.</source>
            <translation>Ajuste un modèle d’un fichier de projet à toutes ses grappes d’enquête et l’enregistre dans un dossier, avec une fiche qui indique à partir de quoi il a appris et quels résultats il a obtenus sur des lieux exclus de l’apprentissage. « Prédire avec un modèle enregistré » l’applique aux cellules de ce projet ou d’un autre.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>train fit model save</source>
            <translation>livelihood conditions-de-vie entraîner apprentissage ajuster modèle enregistrer</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Name (or label) of one of the project's models; by default the one that makes its map.</source>
            <translation>Nom (ou libellé) d’un des modèles du projet ; par défaut celui qui produit sa carte.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>What is to be predicted; by default the first indicator of the project.</source>
            <translation>Ce qu’il faut prédire ; par défaut le premier indicateur du projet.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A new folder with the weights of the model and its card.</source>
            <translation>Un nouveau dossier avec les poids du modèle et sa fiche.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Score the models of a project</source>
            <translation>Évaluer les modèles d’un projet</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Scores every model of a project file on survey clusters that it had not seen, under several ways to hold clusters out: random places, whole blocks of land with a buffer, whole regions. Shows how far a map can be trusted before one is made. It makes no map.</source>
            <translation>Évalue chaque modèle d’un fichier de projet sur des grappes d’enquête exclues de son apprentissage, selon plusieurs manières de les exclure : lieux au hasard, blocs spatiaux entiers avec une zone tampon, régions entières. Montre à quel point on peut se fier à une carte avant d’en produire une. Ne produit aucune carte.</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>validate cross-validation scores accuracy r2 blocks</source>
            <translation>livelihood conditions-de-vie valider validation-croisée scores précision exactitude r2 blocs</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>Scores</source>
            <translation>Scores</translation>
        </message>
        <message>
            <location filename="../processing/operations.json" />
            <source>A CSV table with one line per indicator, model, way of holding out and measure: the value with its 95 % interval (lower, upper), the number of clusters and of blocks.</source>
            <translation>Une table CSV avec une ligne par indicateur, modèle, manière d’exclure et mesure : la valeur avec son intervalle à 95 % (lower, upper), le nombre de grappes et le nombre de blocs.</translation>
        </message>
        <message>
            <location filename="../processing/print_result.py" />
            <source>Prints one indicator of a GeoPackage written by geolivelihood on one A4 page: the map of its cells as its file styles them, an inset with the width of the intervals, legends, outlines of regions, scale bar, north arrow, sources and licences, a paragraph on what the map can and cannot be used for, and the run that made it. The layout stays in the project, where it can be changed. An existing file is never overwritten. Needs no worker Python. Maps of many cells are drawn in the background and can be cancelled.</source>
            <translation>Imprime sur une page A4 un indicateur d’un GeoPackage écrit par geolivelihood : la carte de ses cellules avec le style que porte le fichier, un carton avec la largeur des intervalles de prédiction, les légendes, les contours des régions, une barre d’échelle, une flèche du nord, les sources et licences, un paragraphe sur ce à quoi la carte peut servir ou non, et l’exécution qui l’a produite. La mise en page reste dans le projet, où elle peut être modifiée. Un fichier existant n’est jamais écrasé. N’a pas besoin du Python de calcul. Les cartes qui comptent beaucoup de cellules sont dessinées en arrière-plan et peuvent être annulées.</translation>
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
            <location filename="../processing/project_algorithm.py" />
            <source>Project file</source>
            <translation>Fichier de projet</translation>
        </message>
        <message>
            <location filename="../processing/project_algorithm.py" />
            <source>Project files (*.yaml *.yml);;All files (*)</source>
            <translation>Fichiers de projet (*.yaml *.yml);;Tous les fichiers (*)</translation>
        </message>
        <message>
            <location filename="../processing/project_algorithm.py" />
            <source>The YAML file that says what comes in, which models are compared and what goes out.</source>
            <translation>Le fichier YAML qui indique les données en entrée, les modèles à comparer et les sorties.</translation>
        </message>
        <message>
            <location filename="../processing/project_algorithm.py" />
            <source>Changed settings</source>
            <translation>Paramètres modifiés</translation>
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
            <source>Then: Plugins ▸ Geolivelihood ▸ Settings ▸ Check.</source>
            <translation>Ensuite : Extensions ▸ Geolivelihood ▸ Paramètres ▸ Vérifier.</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>{}: results are written as {}.</source>
            <translation>{} : les résultats sont écrits au format {}.</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>{} cannot be written to ({}). Choose another place for the results.</source>
            <translation>Impossible d’écrire dans {} ({}). Choisissez un autre emplacement pour les résultats.</translation>
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
            <source>Start it again and it goes on where it stopped: what was computed is kept.</source>
            <translation>Relancez l’exécution : elle reprend là où elle s’est arrêtée, ce qui a été calculé est conservé.</translation>
        </message>
        <message>
            <location filename="../processing/worker_algorithm.py" />
            <source>{} rows were set aside; the layer or file 'rejected' has the reasons.</source>
            <translation>Lignes écartées : {} ; la couche ou le fichier « rejected » en donne les raisons.</translation>
        </message>
        <message>
            <location filename="../wording.py" />
            <source>{}: {}</source>
            <translation>{} : {}</translation>
        </message>
        <message>
            <location filename="../wording.py" />
            <source>not known</source>
            <translation>inconnu</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>No, they are where the people live</source>
            <translation>Non, elles se trouvent là où vivent les gens</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Yes, as DHS does it (2 km in towns, 5 to 10 km elsewhere)</source>
            <translation>Oui, comme dans les enquêtes DHS (2 km en ville, 5 à 10 km ailleurs)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Street photos: a layer with their places and paths</source>
            <translation>Photos de rue : une couche avec leurs lieux et leurs chemins</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Street photos: a folder; places are read from the files</source>
            <translation>Photos de rue : un dossier ; les lieux sont lus dans les fichiers</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Map tiles: a folder of z/x/y pictures</source>
            <translation>Tuiles de carte : un dossier d’images z/x/y</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Images of the whole area: rasters such as satellite or night lights</source>
            <translation>Images de toute la zone : rasters, par exemple satellitaires ou de lumières nocturnes</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Automatic: suits the kind of pictures</source>
            <translation>Automatique : adaptée au type d’images</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Averages of brightness and colour (fastest)</source>
            <translation>Moyennes de luminosité et de couleur (la plus rapide)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Random patterns (fast, needs no download)</source>
            <translation>Motifs aléatoires (rapide, sans téléchargement)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>A trained network (slow without a GPU, downloads weights once)</source>
            <translation>Un réseau de neurones entraîné (lent sans carte graphique, télécharge une fois les poids)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Mean: knows nothing; others must beat it</source>
            <translation>Moyenne : ne sait rien ; les autres doivent faire mieux</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Nearest places: the mean of near clusters</source>
            <translation>Lieux les plus proches : la moyenne des grappes voisines</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Distance weights: near clusters count more</source>
            <translation>Pondération par la distance : les grappes proches comptent davantage</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Kriging: a smooth surface with its own uncertainty</source>
            <translation>Krigeage : une surface lisse avec sa propre incertitude</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Ridge regression on the pictures</source>
            <translation>Régression ridge sur les images</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Boosted trees on the pictures</source>
            <translation>Arbres boostés sur les images</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Graph network of the photos around a cluster (slow)</source>
            <translation>Réseau de graphe des photos autour d’une grappe (lent)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Network that passes messages between cells (slow)</source>
            <translation>Réseau qui échange des messages entre cellules (lent)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Blocks: whole areas are left out (always)</source>
            <translation>Blocs : des zones entières sont exclues (toujours)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Random: single clusters are left out (flatters)</source>
            <translation>Aléatoire : des grappes sont exclues une à une (résultat flatteur)</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>Regions: whole regions are left out, needs regions</source>
            <translation>Régions : des régions entières sont exclues, nécessite des régions</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>As far as the map: folds whose distances resemble those to the cells</source>
            <translation>Aussi loin que la carte : plis dont les distances ressemblent à celles des cellules</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>mean</source>
            <translation>moyenne de l’enquête</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>knn</source>
            <translation>lieux les plus proches</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>idw</source>
            <translation>pondération par la distance</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>gp</source>
            <translation>krigeage</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>ridge</source>
            <translation>régression ridge</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>boosting</source>
            <translation>arbres boostés</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>graph</source>
            <translation>réseau de graphe des photos</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>cell</source>
            <translation>réseau de cellules</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>split by blocks</source>
            <translation>découpage par blocs spatiaux</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>random split</source>
            <translation>découpage aléatoire</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>regions left out</source>
            <translation>régions exclues</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>folds as far as the map</source>
            <translation>plis aussi éloignés que la carte</translation>
        </message>
        <message>
            <location filename="../words.py" />
            <source>mean absolute error</source>
            <translation>erreur absolue moyenne</translation>
        </message>
    </context>
</TS>
