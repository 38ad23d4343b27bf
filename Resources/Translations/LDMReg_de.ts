<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
 <context>
  <name>SlicerLDMReg</name>
  <message>
   <source>The choices that this panel shows. They are saved with the scene; create another set to keep several registrations of one scene apart.</source>
   <translation>Die Auswahl, die dieses Fenster zeigt. Sie wird mit der Szene gespeichert; weitere Sätze halten mehrere Registrierungen einer Szene auseinander.</translation>
  </message>
  <message>
   <source>Parameter set:</source>
   <translation>Parametersatz:</translation>
  </message>
  <message>
   <source>Load two phases of a heart with labels, and fill in this panel. Then press Apply.</source>
   <translation>Zwei Phasen eines Herzens mit Labels laden und dieses Fenster ausfüllen. Danach auf Anwenden klicken.</translation>
  </message>
  <message>
   <source>Try it:</source>
   <translation>Ausprobieren:</translation>
  </message>
  <message>
   <source>Cardiac MR (2D)</source>
   <translation>Herz-MR (2D)</translation>
  </message>
  <message>
   <source>Load two brains with labels, and fill in this panel. Then press Apply.</source>
   <translation>Zwei Gehirne mit Labels laden und dieses Fenster ausfüllen. Danach auf Anwenden klicken.</translation>
  </message>
  <message>
   <source>Brain MR (3D)</source>
   <translation>Gehirn-MR (3D)</translation>
  </message>
  <message>
   <source>The Python packages that registering needs.</source>
   <translation>Die Python-Pakete, die das Registrieren braucht.</translation>
  </message>
  <message>
   <source>Setup</source>
   <translation>Einrichtung</translation>
  </message>
  <message>
   <source>What this module needs besides Slicer.</source>
   <translation>Was dieses Modul außer Slicer braucht.</translation>
  </message>
  <message>
   <source>Install the Python packages that are missing. Slicer asks before anything is downloaded.</source>
   <translation>Die fehlenden Python-Pakete installieren. Slicer fragt, bevor etwas heruntergeladen wird.</translation>
  </message>
  <message>
   <source>Install what is missing...</source>
   <translation>Fehlendes installieren...</translation>
  </message>
  <message>
   <source>Install from a folder of wheels that were downloaded on another computer: nothing is downloaded here. What the folder lacks is told before anything is installed.</source>
   <translation>Aus einem Ordner mit Wheels installieren, die auf einem anderen Rechner heruntergeladen wurden: Hier wird nichts heruntergeladen. Was dem Ordner fehlt, wird vor der Installation gesagt.</translation>
  </message>
  <message>
   <source>Without Internet: install from a folder...</source>
   <translation>Ohne Internet: aus einem Ordner installieren...</translation>
  </message>
  <message>
   <source>Packages</source>
   <translation>Pakete</translation>
  </message>
  <message>
   <source>What is installed, and what is missing.</source>
   <translation>Was installiert ist und was fehlt.</translation>
  </message>
  <message>
   <source>The images, the model, and how much of the images is registered.</source>
   <translation>Die Bilder, das Modell und wie viel von den Bildern registriert wird.</translation>
  </message>
  <message>
   <source>Inputs</source>
   <translation>Eingaben</translation>
  </message>
  <message>
   <source>The image that stays where it is. The result lies on its voxels.</source>
   <translation>Das Bild, das bleibt, wo es ist. Das Ergebnis liegt auf seinen Voxeln.</translation>
  </message>
  <message>
   <source>Fixed volume:</source>
   <translation>Festes Volumen:</translation>
  </message>
  <message>
   <source>Select a volume</source>
   <translation>Volumen wählen</translation>
  </message>
  <message>
   <source>The image that is warped onto the fixed one.</source>
   <translation>Das Bild, das auf das feste verformt wird.</translation>
  </message>
  <message>
   <source>Moving volume:</source>
   <translation>Bewegtes Vol.:</translation>
  </message>
  <message>
   <source>Swap: the fixed image becomes the moving one, its labels and masks as well.</source>
   <translation>Tauschen: Das feste Bild wird das bewegte, ebenso seine Labels und Masken.</translation>
  </message>
  <message>
   <source>Swap fixed and moving</source>
   <translation>Festes und bewegtes tauschen</translation>
  </message>
  <message>
   <source>The trained network that predicts the deformation. Automatic: one that knows such images, else none. None: only the optimisation on this pair.</source>
   <translation>Das trainierte Netz, das die Verformung vorhersagt. Automatisch: eines, das solche Bilder kennt, sonst keines. Keines: nur die Optimierung dieses Paars.</translation>
  </message>
  <message>
   <source>Model:</source>
   <translation>Modell:</translation>
  </message>
  <message>
   <source>Models on this computer: open their folder, or delete those that were downloaded.</source>
   <translation>Modelle auf diesem Rechner: ihren Ordner öffnen oder heruntergeladene löschen.</translation>
  </message>
  <message>
   <source>Folder of the models</source>
   <translation>Ordner der Modelle</translation>
  </message>
  <message>
   <source>What is this model? Its measured results, what it was trained on, and its limits.</source>
   <translation>Was ist dieses Modell? Gemessene Ergebnisse, womit es trainiert wurde und seine Grenzen.</translation>
  </message>
  <message>
   <source>What is this model?</source>
   <translation>Was ist dieses Modell?</translation>
  </message>
  <message>
   <source>What the chosen model was trained on, and what it is for.</source>
   <translation>Womit das gewählte Modell trainiert wurde und wofür es ist.</translation>
  </message>
  <message>
   <source>Settings for a purpose: model, alignment and refinement at once.</source>
   <translation>Einstellungen für einen Zweck: Modell, Ausrichtung und Verfeinerung auf einmal.</translation>
  </message>
  <message>
   <source>Preset:</source>
   <translation>Vorgabe:</translation>
  </message>
  <message>
   <source>Settings for a purpose: model, alignment and refinement at once. Your own ones are below those of LDMReg. Each setting can be changed afterwards.</source>
   <translation>Einstellungen für einen Zweck: Modell, Ausrichtung und Verfeinerung auf einmal. Die eigenen stehen unter denen von LDMReg. Jede Einstellung kann danach geändert werden.</translation>
  </message>
  <message>
   <source>Save the choices as a preset of your own, or open the folder of these.</source>
   <translation>Die Auswahl als eigene Vorgabe speichern, oder deren Ordner öffnen.</translation>
  </message>
  <message>
   <source>Own presets</source>
   <translation>Eigene Vorgaben</translation>
  </message>
  <message>
   <source>What is registered: the whole volumes, the slice that a view shows of both, some slices of the fixed volume one by one, or every frame of a sequence.</source>
   <translation>Was registriert wird: ganze Volumen, die Schicht, die eine Ansicht von beiden zeigt, einzelne Schichten des festen Volumens oder jedes Bild einer Sequenz.</translation>
  </message>
  <message>
   <source>Register:</source>
   <translation>Registrieren:</translation>
  </message>
  <message>
   <source>What will be registered.</source>
   <translation>Was registriert werden wird.</translation>
  </message>
  <message>
   <source>The slice view whose slice, also an oblique one, is registered in 2D.</source>
   <translation>Die Schichtansicht, deren Schicht, auch eine schräge, in 2D registriert wird.</translation>
  </message>
  <message>
   <source>View:</source>
   <translation>Ansicht:</translation>
  </message>
  <message>
   <source>Of the slices, in the frame of the fixed volume.</source>
   <translation>Der Schichten, im Bezugssystem des festen Volumens.</translation>
  </message>
  <message>
   <source>Plane:</source>
   <translation>Ebene:</translation>
  </message>
  <message>
   <source>The first slice: its number in the fixed volume, counted from 0 to one less than there are.</source>
   <translation>Die erste Schicht: ihre Nummer im festen Volumen, gezählt von 0 bis eins weniger als es gibt.</translation>
  </message>
  <message>
   <source>Slices:</source>
   <translation>Schichten:</translation>
  </message>
  <message>
   <source>to</source>
   <translation>bis</translation>
  </message>
  <message>
   <source>Last slice</source>
   <translation>Letzte Schicht</translation>
  </message>
  <message>
   <source>The last slice: its number in the fixed volume, counted from 0 to one less than there are.</source>
   <translation>Die letzte Schicht: ihre Nummer im festen Volumen, gezählt von 0 bis eins weniger als es gibt.</translation>
  </message>
  <message>
   <source>The frame of the sequence, counted from 0 to one less than there are, that all others are registered to.</source>
   <translation>Das Bild der Sequenz, gezählt von 0 bis eins weniger als es gibt, auf das alle anderen registriert werden.</translation>
  </message>
  <message>
   <source>Reference frame:</source>
   <translation>Referenzbild:</translation>
  </message>
  <message>
   <source>Structures that guide models with regions, and labels to measure the overlap with.</source>
   <translation>Strukturen, die Modelle mit Regionen führen, und Labels, an denen die Überlappung gemessen wird.</translation>
  </message>
  <message>
   <source>Anatomy</source>
   <translation>Anatomie</translation>
  </message>
  <message>
   <source>What tells the model where the structures of the fixed image are. Models without regions ignore it.</source>
   <translation>Was dem Modell sagt, wo die Strukturen des festen Bildes sind. Modelle ohne Regionen übergehen es.</translation>
  </message>
  <message>
   <source>Guide by:</source>
   <translation>Geführt von:</translation>
  </message>
  <message>
   <source>A segmentation or label map of the fixed image.</source>
   <translation>Eine Segmentierung oder Labelkarte des festen Bildes.</translation>
  </message>
  <message>
   <source>Fixed labels:</source>
   <translation>Feste Labels:</translation>
  </message>
  <message>
   <source>None</source>
   <translation>Keine</translation>
  </message>
  <message>
   <source>A segmentation or label map of the moving image. It is warped along and used to measure the overlap, not to register.</source>
   <translation>Eine Segmentierung oder Labelkarte des bewegten Bildes. Sie wird mitverformt und dient zum Messen der Überlappung, nicht zum Registrieren.</translation>
  </message>
  <message>
   <source>Moving labels:</source>
   <translation>Bewegte Labels:</translation>
  </message>
  <message>
   <source>What the registration goes by: the images; the labels of both alone, by their distance maps and overlap, where images are unusable; or both. A label map can be chosen as volume.</source>
   <translation>Wonach registriert wird: nach den Bildern; nur nach den Labels beider, mit Abstandskarten und Überlappung, wenn die Bilder unbrauchbar sind; oder nach beidem. Als Volumen kann eine Labelkarte gewählt werden.</translation>
  </message>
  <message>
   <source>Register by:</source>
   <translation>Registrieren nach:</translation>
  </message>
  <message>
   <source>How the chosen model uses the anatomy.</source>
   <translation>Wie das gewählte Modell die Anatomie nutzt.</translation>
  </message>
  <message>
   <source>Structures of the fixed image</source>
   <translation>Strukturen des festen Bildes</translation>
  </message>
  <message>
   <source>The structures of the fixed image. Untick those to leave out; double-click a prompt to change the words for a structure; the last column is what the model takes it for.</source>
   <translation>Die Strukturen des festen Bildes. Häkchen entfernen, um eine auszulassen; Doppelklick auf einen Prompt ändert die Worte für eine Struktur; die letzte Spalte sagt, wofür das Modell sie hält.</translation>
  </message>
  <message>
   <source>Use</source>
   <translation>Nutzen</translation>
  </message>
  <message>
   <source>Segment</source>
   <translation>Segment</translation>
  </message>
  <message>
   <source>Prompt</source>
   <translation>Prompt</translation>
  </message>
  <message>
   <source>Region</source>
   <translation>Region</translation>
  </message>
  <message>
   <source>How the images are brought together before they are deformed.</source>
   <translation>Wie die Bilder zusammengebracht werden, bevor sie verformt werden.</translation>
  </message>
  <message>
   <source>Alignment</source>
   <translation>Ausrichtung</translation>
  </message>
  <message>
   <source>How the images are brought together before they are deformed. Automatic: for images on one lattice nothing, or a shift, turn or size that is needed, else rigid.</source>
   <translation>Wie die Bilder zusammengebracht werden, bevor sie verformt werden. Automatisch: für Bilder auf einem Gitter nichts, oder was an Verschiebung, Drehung oder Größe nötig ist, sonst starr.</translation>
  </message>
  <message>
   <source>Align first:</source>
   <translation>Erst ausrichten:</translation>
  </message>
  <message>
   <source>A transform that brings the moving image roughly onto the fixed one. It becomes part of the result.</source>
   <translation>Eine Transformation, die das bewegte Bild ungefähr auf das feste bringt. Sie wird Teil des Ergebnisses.</translation>
  </message>
  <message>
   <source>Initial transform:</source>
   <translation>Anfangstransf.:</translation>
  </message>
  <message>
   <source>Pairs of points that belong together: to measure, to hold, or to begin with.</source>
   <translation>Paare von Punkten, die zusammengehören: zum Messen, zum Halten oder für den Anfang.</translation>
  </message>
  <message>
   <source>Landmarks</source>
   <translation>Landmarken</translation>
  </message>
  <message>
   <source>Points on the fixed image, each with the label of its partner. Place pairs makes a list.</source>
   <translation>Punkte auf dem festen Bild, jeder mit der Beschriftung seines Partners. Paare setzen legt eine Liste an.</translation>
  </message>
  <message>
   <source>Fixed points:</source>
   <translation>Feste Punkte:</translation>
  </message>
  <message>
   <source>Points on the moving image, each with the label of its partner. Place pairs makes a list.</source>
   <translation>Punkte auf dem bewegten Bild, jeder mit der Beschriftung seines Partners. Paare setzen legt eine Liste an.</translation>
  </message>
  <message>
   <source>Moving points:</source>
   <translation>Bewegte Punkte:</translation>
  </message>
  <message>
   <source>Lay both images side by side, and set points on them in turns by clicks. Click again to end.</source>
   <translation>Beide Bilder nebeneinander legen und abwechselnd mit Klicks Punkte darauf setzen. Noch ein Klick auf den Knopf beendet es.</translation>
  </message>
  <message>
   <source>Place pairs</source>
   <translation>Paare setzen</translation>
  </message>
  <message>
   <source>Move the moving points of the selected rows, or of all, to where the image around them resembles that around the fixed points most, within 6 voxels.</source>
   <translation>Die bewegten Punkte der gewählten Zeilen, sonst alle, dorthin verschieben, wo das Bild um sie dem um die festen Punkte am ähnlichsten ist, höchstens 6 Voxel weit.</translation>
  </message>
  <message>
   <source>Refine points</source>
   <translation>Punkte anpassen</translation>
  </message>
  <message>
   <source>Pairs of landmarks</source>
   <translation>Paare von Landmarken</translation>
  </message>
  <message>
   <source>The distance of each pair in mm, before and after the registration, also while points are moved. Select rows to refine them alone.</source>
   <translation>Der Abstand jedes Paars in mm, vor und nach der Registrierung, auch während Punkte verschoben werden. Gewählte Zeilen werden allein angepasst.</translation>
  </message>
  <message>
   <source>Landmark</source>
   <translation>Landmarke</translation>
  </message>
  <message>
   <source>Before mm</source>
   <translation>Vorher mm</translation>
  </message>
  <message>
   <source>After mm</source>
   <translation>Nachher mm</translation>
  </message>
  <message>
   <source>The mean distance of the pairs, and what was left out.</source>
   <translation>Der mittlere Abstand der Paare und was ausgelassen wurde.</translation>
  </message>
  <message>
   <source>What the pairs are for: to measure the result, to be held together by the refinement, or to make a thin-plate warp that comes first.</source>
   <translation>Wofür die Paare sind: um das Ergebnis zu messen, um von der Verfeinerung zusammengehalten zu werden oder um eine Thin-Plate-Verformung zu ergeben, die zuerst kommt.</translation>
  </message>
  <message>
   <source>Use:</source>
   <translation>Nutzen:</translation>
  </message>
  <message>
   <source>How exact the points are, in mm (0.1 to 50). The refinement brings pairs to within this distance, and leaves closer ones alone.</source>
   <translation>Wie genau die Punkte sind, in mm (0.1 bis 50). Die Verfeinerung bringt Paare auf diesen Abstand und lässt nähere in Ruhe.</translation>
  </message>
  <message>
   <source>Exact to:</source>
   <translation>Genau auf:</translation>
  </message>
  <message>
   <source> mm</source>
   <translation> mm</translation>
  </message>
  <message>
   <source>Device, precision, refinement, masks, seed. The defaults are what the model recommends.</source>
   <translation>Gerät, Genauigkeit, Verfeinerung, Masken, Startzahl. Vorgabe ist, was das Modell empfiehlt.</translation>
  </message>
  <message>
   <source>Options</source>
   <translation>Optionen</translation>
  </message>
  <message>
   <source>Where the computation runs. Automatic: a graphics card if there is one that can be used.</source>
   <translation>Wo gerechnet wird. Automatisch: auf einer Grafikkarte, wenn eine brauchbare da ist.</translation>
  </message>
  <message>
   <source>Device:</source>
   <translation>Gerät:</translation>
  </message>
  <message>
   <source>Of the network. bfloat16 needs half of the memory; images are always warped in float32.</source>
   <translation>Des Netzes. bfloat16 braucht den halben Speicher; Bilder werden immer in float32 verformt.</translation>
  </message>
  <message>
   <source>Precision:</source>
   <translation>Genauigkeit:</translation>
  </message>
  <message>
   <source>Optimise the field on this pair after the network's prediction. It takes longer and fits better.</source>
   <translation>Das Feld nach der Vorhersage des Netzes an diesem Paar optimieren. Es dauert länger und passt besser.</translation>
  </message>
  <message>
   <source>Refinement:</source>
   <translation>Verfeinerung:</translation>
  </message>
  <message>
   <source>What the refinement improves. Mean squares: equal intensities; local correlation: one modality; MIND: different modalities.</source>
   <translation>Was die Verfeinerung verbessert. Mittlere Quadrate: gleiche Intensitäten; lokale Korrelation: eine Modalität; MIND: verschiedene Modalitäten.</translation>
  </message>
  <message>
   <source>Similarity:</source>
   <translation>Ähnlichkeit:</translation>
  </message>
  <message>
   <source>Of the refinement, at most, for each resolution level from coarse to fine: 40,40,30. Empty: as the model recommends.</source>
   <translation>Der Verfeinerung, höchstens, für jede Auflösungsstufe von grob bis fein: 40,40,30. Leer: wie das Modell empfiehlt.</translation>
  </message>
  <message>
   <source>Iterations:</source>
   <translation>Iterationen:</translation>
  </message>
  <message>
   <source>as the model recommends</source>
   <translation>wie das Modell empfiehlt</translation>
  </message>
  <message>
   <source>Weight of the field's smoothness in the refinement, without a unit (0 to 100). Larger: smoother. 0: as the model recommends.</source>
   <translation>Gewicht der Glattheit des Feldes in der Verfeinerung, ohne Einheit (0 bis 100). Größer: glatter. 0: wie das Modell empfiehlt.</translation>
  </message>
  <message>
   <source>Smoothness:</source>
   <translation>Glattheit:</translation>
  </message>
  <message>
   <source>Make the map invertible everywhere (diffeomorphic), also where the model's own is not.</source>
   <translation>Die Abbildung überall umkehrbar machen (diffeomorph), auch wo die des Modells es nicht ist.</translation>
  </message>
  <message>
   <source>Free of folds:</source>
   <translation>Faltenfrei:</translation>
  </message>
  <message>
   <source>Only here do the intensities of the fixed image count in the refinement. None: everywhere.</source>
   <translation>Nur hier zählen die Intensitäten des festen Bildes in der Verfeinerung. Keine: überall.</translation>
  </message>
  <message>
   <source>Fixed mask:</source>
   <translation>Feste Maske:</translation>
  </message>
  <message>
   <source>Only here do the intensities of the moving image count in the refinement. None: everywhere.</source>
   <translation>Nur hier zählen die Intensitäten des bewegten Bildes in der Verfeinerung. Keine: überall.</translation>
  </message>
  <message>
   <source>Moving mask:</source>
   <translation>Bewegte Maske:</translation>
  </message>
  <message>
   <source>How many voxels the masks leave out of the comparison.</source>
   <translation>Wie viele Voxel die Masken vom Vergleich ausschließen.</translation>
  </message>
  <message>
   <source>Lay what the masks leave out over the images, in red; two masks side by side.</source>
   <translation>Was die Masken auslassen, rot über die Bilder legen; zwei Masken nebeneinander.</translation>
  </message>
  <message>
   <source>Show what is left out</source>
   <translation>Ausgelassenes zeigen</translation>
  </message>
  <message>
   <source>Of everything random, a whole number (0 to 2147483647). The same seed gives the same result on the same computer.</source>
   <translation>Von allem Zufälligen, eine ganze Zahl (0 bis 2147483647). Die gleiche Startzahl gibt auf dem gleichen Rechner das gleiche Ergebnis.</translation>
  </message>
  <message>
   <source>Seed:</source>
   <translation>Startzahl:</translation>
  </message>
  <message>
   <source>Set the alignment and these options back to what is recommended.</source>
   <translation>Die Ausrichtung und diese Optionen auf das Empfohlene zurücksetzen.</translation>
  </message>
  <message>
   <source>Restore defaults</source>
   <translation>Vorgaben</translation>
  </message>
  <message>
   <source>What is put into the scene.</source>
   <translation>Was in die Szene kommt.</translation>
  </message>
  <message>
   <source>Outputs</source>
   <translation>Ausgaben</translation>
  </message>
  <message>
   <source>The moving image, warped onto the voxels of the fixed one.</source>
   <translation>Das bewegte Bild, auf die Voxel des festen verformt.</translation>
  </message>
  <message>
   <source>Warped volume</source>
   <translation>Verformtes Vol.</translation>
  </message>
  <message>
   <source>Node of the warped volume</source>
   <translation>Knoten des verformten Volumens</translation>
  </message>
  <message>
   <source>The moving image, warped onto the voxels of the fixed one. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Das bewegte Bild, auf die Voxel des festen verformt. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>Create new</source>
   <translation>Neu anlegen</translation>
  </message>
  <message>
   <source>The moving labels, warped onto the voxels of the fixed image. They are chosen under Anatomy.</source>
   <translation>Die bewegten Labels, auf die Voxel des festen Bildes verformt. Sie werden unter Anatomie gewählt.</translation>
  </message>
  <message>
   <source>Warped labels</source>
   <translation>Verformte Labels</translation>
  </message>
  <message>
   <source>Node of the warped labels</source>
   <translation>Knoten der verformten Labels</translation>
  </message>
  <message>
   <source>The moving labels, warped onto the voxels of the fixed image. They are chosen under Anatomy. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Die bewegten Labels, auf die Voxel des festen Bildes verformt. Sie werden unter Anatomie gewählt. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>The displacement field, in mm. What is put under it moves from the moving anatomy onto the fixed one.</source>
   <translation>Das Verschiebungsfeld, in mm. Was darunter liegt, bewegt sich von der bewegten auf die feste Anatomie.</translation>
  </message>
  <message>
   <source>Transform</source>
   <translation>Transformation</translation>
  </message>
  <message>
   <source>Node of the transform</source>
   <translation>Knoten der Transformation</translation>
  </message>
  <message>
   <source>The displacement field, in mm. What is put under it moves from the moving anatomy onto the fixed one. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Das Verschiebungsfeld, in mm. Was darunter liegt, bewegt sich von der bewegten auf die feste Anatomie. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>The inverse displacement field, in mm. What is put under it moves from the fixed anatomy onto the moving one.</source>
   <translation>Das inverse Verschiebungsfeld, in mm. Was darunter liegt, bewegt sich von der festen auf die bewegte Anatomie.</translation>
  </message>
  <message>
   <source>Inverse</source>
   <translation>Inverse</translation>
  </message>
  <message>
   <source>Node of the inverse</source>
   <translation>Knoten der Inversen</translation>
  </message>
  <message>
   <source>The inverse displacement field, in mm. What is put under it moves from the fixed anatomy onto the moving one. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Das inverse Verschiebungsfeld, in mm. Was darunter liegt, bewegt sich von der festen auf die bewegte Anatomie. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>Local change of volume: the determinant of the map from fixed to moving points, without a unit. Above 1 the moving tissue was larger; 0 and below, the map folds.</source>
   <translation>Lokale Volumenänderung: die Determinante der Abbildung von festen auf bewegte Punkte, ohne Einheit. Über 1 war das bewegte Gewebe größer; bei 0 und darunter faltet die Abbildung.</translation>
  </message>
  <message>
   <source>Jacobian map</source>
   <translation>Jacobi-Karte</translation>
  </message>
  <message>
   <source>Node of the Jacobian map</source>
   <translation>Knoten der Jacobi-Karte</translation>
  </message>
  <message>
   <source>Local change of volume: the determinant of the map from fixed to moving points, without a unit. Above 1 the moving tissue was larger; 0 and below, the map folds. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Lokale Volumenänderung: die Determinante der Abbildung von festen auf bewegte Punkte, ohne Einheit. Über 1 war das bewegte Gewebe größer; bei 0 und darunter faltet die Abbildung. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>The length of the displacement at each voxel of the fixed image, in mm.</source>
   <translation>Die Länge der Verschiebung an jedem Voxel des festen Bildes, in mm.</translation>
  </message>
  <message>
   <source>Displacement map</source>
   <translation>Verschiebung</translation>
  </message>
  <message>
   <source>Node of the displacement map</source>
   <translation>Knoten der Verschiebungskarte</translation>
  </message>
  <message>
   <source>The length of the displacement at each voxel of the fixed image, in mm. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Die Länge der Verschiebung an jedem Voxel des festen Bildes, in mm. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>The distance of each voxel of the fixed image from itself after the transform and the inverse, in mm: how far the inverse can be trusted.</source>
   <translation>Der Abstand jedes Voxels des festen Bildes von sich selbst nach Transformation und Inverser, in mm: wie weit man der Inversen trauen kann.</translation>
  </message>
  <message>
   <source>Round-trip map</source>
   <translation>Hin-und-zurück</translation>
  </message>
  <message>
   <source>Node of the round-trip map</source>
   <translation>Knoten der Hin-und-zurück-Karte</translation>
  </message>
  <message>
   <source>The distance of each voxel of the fixed image from itself after the transform and the inverse, in mm: how far the inverse can be trusted. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Der Abstand jedes Voxels des festen Bildes von sich selbst nach Transformation und Inverser, in mm: wie weit man der Inversen trauen kann. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>The error to expect at each voxel of the fixed image, root mean square in mm, by the spread over some eight other ways to register: Apply takes that much longer.</source>
   <translation>Der zu erwartende Fehler an jedem Voxel des festen Bildes, quadratisches Mittel in mm, aus der Streuung über etwa acht andere Wege zu registrieren: Anwenden dauert entsprechend länger.</translation>
  </message>
  <message>
   <source>Uncertainty</source>
   <translation>Unsicherheit</translation>
  </message>
  <message>
   <source>Node of the uncertainty</source>
   <translation>Knoten der Unsicherheit</translation>
  </message>
  <message>
   <source>The error to expect at each voxel of the fixed image, root mean square in mm, by the spread over some eight other ways to register: Apply takes that much longer. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Der zu erwartende Fehler an jedem Voxel des festen Bildes, quadratisches Mittel in mm, aus der Streuung über etwa acht andere Wege zu registrieren: Anwenden dauert entsprechend länger. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>A segment of the voxels where the map folds.</source>
   <translation>Ein Segment der Voxel, an denen die Abbildung faltet.</translation>
  </message>
  <message>
   <source>Folds</source>
   <translation>Falten</translation>
  </message>
  <message>
   <source>Node of the folds</source>
   <translation>Knoten der Falten</translation>
  </message>
  <message>
   <source>A segment of the voxels where the map folds. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Ein Segment der Voxel, an denen die Abbildung faltet. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>A table of what was measured before and after.</source>
   <translation>Eine Tabelle dessen, was vorher und nachher gemessen wurde.</translation>
  </message>
  <message>
   <source>Measurements</source>
   <translation>Messwerte</translation>
  </message>
  <message>
   <source>Node of the measurements</source>
   <translation>Knoten der Messwerte</translation>
  </message>
  <message>
   <source>A table of what was measured before and after. Create new: a new node, or the one that an earlier run made for this pair.</source>
   <translation>Eine Tabelle dessen, was vorher und nachher gemessen wurde. Neu anlegen: ein neuer Knoten oder der, den ein früherer Lauf für dieses Paar angelegt hat.</translation>
  </message>
  <message>
   <source>What to look at before you register.</source>
   <translation>Was vor dem Registrieren anzusehen ist.</translation>
  </message>
  <message>
   <source>Register the moving to the fixed image.</source>
   <translation>Das bewegte auf das feste Bild registrieren.</translation>
  </message>
  <message>
   <source>Apply</source>
   <translation>Anwenden</translation>
  </message>
  <message>
   <source>Progress of the registration</source>
   <translation>Fortschritt der Registrierung</translation>
  </message>
  <message>
   <source>How much of the registration is done.</source>
   <translation>Wie viel der Registrierung getan ist.</translation>
  </message>
  <message>
   <source>What is being done, or was done last.</source>
   <translation>Was getan wird oder zuletzt getan wurde.</translation>
  </message>
  <message>
   <source>How far to trust the result.</source>
   <translation>Wie weit man dem Ergebnis trauen kann.</translation>
  </message>
  <message>
   <source>Results</source>
   <translation>Ergebnisse</translation>
  </message>
  <message>
   <source>In one line: how far to trust this result.</source>
   <translation>In einer Zeile: wie weit man diesem Ergebnis trauen kann.</translation>
  </message>
  <message>
   <source>What was found.</source>
   <translation>Was gefunden wurde.</translation>
  </message>
  <message>
   <source>What to do next.</source>
   <translation>Was als Nächstes zu tun ist.</translation>
  </message>
  <message>
   <source>What was measured before and after the registration.</source>
   <translation>Was vor und nach der Registrierung gemessen wurde.</translation>
  </message>
  <message>
   <source>Measure</source>
   <translation>Maß</translation>
  </message>
  <message>
   <source>Before</source>
   <translation>Vorher</translation>
  </message>
  <message>
   <source>After</source>
   <translation>Nachher</translation>
  </message>
  <message>
   <source>Overlap of the structures</source>
   <translation>Überlappung der Strukturen</translation>
  </message>
  <message>
   <source>The overlap of each structure before and after, the worst first. Dice: from 0, none, to 1, full. HD95: 95 % Hausdorff distance of the surfaces, in mm.</source>
   <translation>Die Überlappung jeder Struktur vorher und nachher, die schlechteste zuerst. Dice: von 0, keine, bis 1, ganz. HD95: 95-%-Hausdorff-Abstand der Oberflächen, in mm.</translation>
  </message>
  <message>
   <source>Structure</source>
   <translation>Struktur</translation>
  </message>
  <message>
   <source>Dice before</source>
   <translation>Dice vorher</translation>
  </message>
  <message>
   <source>Dice after</source>
   <translation>Dice nachher</translation>
  </message>
  <message>
   <source>HD95 before</source>
   <translation>HD95 vorher</translation>
  </message>
  <message>
   <source>HD95 after</source>
   <translation>HD95 nachher</translation>
  </message>
  <message>
   <source>Displacement of the structures</source>
   <translation>Verschiebung der Strukturen</translation>
  </message>
  <message>
   <source>How far each labelled structure of the fixed image has moved, from the moving anatomy onto the fixed one: mean and largest length in mm, and the direction of the mean (R right, L left, A front, P back, S up, I down).</source>
   <translation>Wie weit sich jede Struktur mit Label des festen Bildes bewegt hat, von der bewegten auf die feste Anatomie: mittlere und größte Länge in mm und die Richtung des Mittels (R rechts, L links, A vorn, P hinten, S oben, I unten).</translation>
  </message>
  <message>
   <source>Structure moved by</source>
   <translation>Struktur bewegt um</translation>
  </message>
  <message>
   <source>Mean mm</source>
   <translation>Mittel mm</translation>
  </message>
  <message>
   <source>Most mm</source>
   <translation>Größte mm</translation>
  </message>
  <message>
   <source>To</source>
   <translation>Nach</translation>
  </message>
  <message>
   <source>Save a report with pictures and measurements (HTML or PDF).</source>
   <translation>Einen Bericht mit Bildern und Messwerten speichern (HTML).</translation>
  </message>
  <message>
   <source>Save report...</source>
   <translation>Bericht speichern...</translation>
  </message>
  <message>
   <source>Put the scene back as it was before the last registration.</source>
   <translation>Die Szene so zurücksetzen, wie sie vor der letzten Registrierung war.</translation>
  </message>
  <message>
   <source>Revert</source>
   <translation>Zurücksetzen</translation>
  </message>
  <message>
   <source>Compare the images, and look at the deformation.</source>
   <translation>Die Bilder vergleichen und die Verformung ansehen.</translation>
  </message>
  <message>
   <source>Display</source>
   <translation>Anzeige</translation>
  </message>
  <message>
   <source>Show the fixed image in the slice views.</source>
   <translation>Das feste Bild in den Schichtansichten zeigen.</translation>
  </message>
  <message>
   <source>Fixed</source>
   <translation>Fest</translation>
  </message>
  <message>
   <source>Show the moving image as it was.</source>
   <translation>Das bewegte Bild zeigen, wie es war.</translation>
  </message>
  <message>
   <source>Moving</source>
   <translation>Bewegt</translation>
  </message>
  <message>
   <source>Show the warped moving image.</source>
   <translation>Das verformte bewegte Bild zeigen.</translation>
  </message>
  <message>
   <source>Warped</source>
   <translation>Verformt</translation>
  </message>
  <message>
   <source>Lay the warped over the fixed image.</source>
   <translation>Das verformte über das feste Bild legen.</translation>
  </message>
  <message>
   <source>Blend</source>
   <translation>Mischen</translation>
  </message>
  <message>
   <source>Show fixed and warped image in the squares of a checkerboard.</source>
   <translation>Festes und verformtes Bild in den Feldern eines Schachbretts zeigen.</translation>
  </message>
  <message>
   <source>Checker</source>
   <translation>Schach</translation>
  </message>
  <message>
   <source>Show fixed and warped image in turns.</source>
   <translation>Festes und verformtes Bild abwechselnd zeigen.</translation>
  </message>
  <message>
   <source>Flicker</source>
   <translation>Flimmern</translation>
  </message>
  <message>
   <source>Show the warped minus the fixed image, in the units of the fixed image's intensities.</source>
   <translation>Das verformte minus das feste Bild zeigen, in den Einheiten der Intensitäten des festen.</translation>
  </message>
  <message>
   <source>Difference</source>
   <translation>Differenz</translation>
  </message>
  <message>
   <source>Of the warped image over the fixed one, in percent (0 to 100).</source>
   <translation>Des verformten Bildes über dem festen, in Prozent (0 bis 100).</translation>
  </message>
  <message>
   <source>Opacity:</source>
   <translation>Deckkraft:</translation>
  </message>
  <message>
   <source>Of the checkerboard, along the longer side of the image (2 to 64).</source>
   <translation>Des Schachbretts, entlang der längeren Seite des Bildes (2 bis 64).</translation>
  </message>
  <message>
   <source>Squares:</source>
   <translation>Felder:</translation>
  </message>
  <message>
   <source>Show the deformed grid.</source>
   <translation>Das verformte Gitter zeigen.</translation>
  </message>
  <message>
   <source>Grid</source>
   <translation>Gitter</translation>
  </message>
  <message>
   <source>Show the displacements as arrows, in mm.</source>
   <translation>Die Verschiebungen als Pfeile zeigen, in mm.</translation>
  </message>
  <message>
   <source>Arrows</source>
   <translation>Pfeile</translation>
  </message>
  <message>
   <source>Outline where the map folds.</source>
   <translation>Umranden, wo die Abbildung faltet.</translation>
  </message>
  <message>
   <source>Colour by the length of the displacement, in mm.</source>
   <translation>Färben nach der Länge der Verschiebung, in mm.</translation>
  </message>
  <message>
   <source>Displacement</source>
   <translation>Verschiebung</translation>
  </message>
  <message>
   <source>Colour by the local change of volume, centred at 1.</source>
   <translation>Färben nach der lokalen Volumenänderung, um 1.</translation>
  </message>
  <message>
   <source>Jacobian</source>
   <translation>Jacobi</translation>
  </message>
  <message>
   <source>Colour by how far there and back misses, in mm: where the inverse can be trusted.</source>
   <translation>Färben danach, wie weit hin und zurück danebengeht, in mm: wo man der Inversen trauen kann.</translation>
  </message>
  <message>
   <source>Round trip</source>
   <translation>Hin u. zurück</translation>
  </message>
  <message>
   <source>Colour by the error to expect, in mm: where the images do not decide.</source>
   <translation>Nach dem zu erwartenden Fehler in mm einfärben: wo die Bilder nicht entscheiden.</translation>
  </message>
  <message>
   <source>Distance between the lines of the grid and between the arrows, in mm (0.01 to 1000).</source>
   <translation>Abstand zwischen den Linien des Gitters und zwischen den Pfeilen, in mm (0.01 bis 1000).</translation>
  </message>
  <message>
   <source>Grid spacing:</source>
   <translation>Gitterabstand:</translation>
  </message>
  <message>
   <source>Leave out of the map of displacements what moves less than this, in mm (0 to 1000). 0: all is shown.</source>
   <translation>In der Karte der Verschiebungen auslassen, was sich weniger als so weit bewegt, in mm (0 bis 1000). 0: alles wird gezeigt.</translation>
  </message>
  <message>
   <source>Shown from:</source>
   <translation>Gezeigt ab:</translation>
  </message>
  <message>
   <source>Draw the grid and the arrows of the inverse, over the moving image. Needs the output Inverse.</source>
   <translation>Gitter und Pfeile der Inversen zeichnen, über dem bewegten Bild. Braucht die Ausgabe Inverse.</translation>
  </message>
  <message>
   <source>Of the inverse</source>
   <translation>Der Inversen</translation>
  </message>
  <message>
   <source>Under the cursor in a slice view: how far the moving anatomy has moved in mm, which way (R right, L left, A front, P back, S up, I down), and by how much it has grown or shrunk.</source>
   <translation>Unter dem Mauszeiger in einer Schichtansicht: wie weit sich die bewegte Anatomie bewegt hat, in mm, wohin (R rechts, L links, A vorn, P hinten, S oben, I unten), und um wie viel sie größer oder kleiner geworden ist.</translation>
  </message>
  <message>
   <source>Show a 2D image in its slice view alone, which the other views cut only as a line. Once more: all views again.</source>
   <translation>Ein 2D-Bild allein in seiner Schichtansicht zeigen, das die anderen nur als Linie schneiden. Noch einmal: wieder alle Ansichten.</translation>
  </message>
  <message>
   <source>One view</source>
   <translation>Eine Ansicht</translation>
  </message>
  <message>
   <source>Show images and grid in the 3D views as well.</source>
   <translation>Bilder und Gitter auch in den 3D-Ansichten zeigen.</translation>
  </message>
  <message>
   <source>Show in 3D</source>
   <translation>In 3D zeigen</translation>
  </message>
  <message>
   <source>Show the views as they were before.</source>
   <translation>Die Ansichten zeigen, wie sie vorher waren.</translation>
  </message>
  <message>
   <source>Reset views</source>
   <translation>Zurück</translation>
  </message>
  <message>
   <source>Results that were kept, and the current one: side by side, in turns, by their numbers.</source>
   <translation>Behaltene Ergebnisse und das aktuelle: nebeneinander, abwechselnd, nach ihren Zahlen.</translation>
  </message>
  <message>
   <source>Compare results</source>
   <translation>Ergebnisse vergleichen</translation>
  </message>
  <message>
   <source>Name of the kept result</source>
   <translation>Name des behaltenen Ergebnisses</translation>
  </message>
  <message>
   <source>The name under which the current result is kept, 1 to 60 characters.</source>
   <translation>Der Name, unter dem das aktuelle Ergebnis behalten wird, 1 bis 60 Zeichen.</translation>
  </message>
  <message>
   <source>name</source>
   <translation>Name</translation>
  </message>
  <message>
   <source>Keep the current result under this name, so that the next run makes new nodes.</source>
   <translation>Das aktuelle Ergebnis unter diesem Namen behalten, sodass der nächste Lauf neue Knoten anlegt.</translation>
  </message>
  <message>
   <source>Keep this result</source>
   <translation>Behalten</translation>
  </message>
  <message>
   <source>Results of these volumes</source>
   <translation>Ergebnisse dieser Volumen</translation>
  </message>
  <message>
   <source>The results of these volumes; ✓ marks the best value. NCC and Dice: 1 is best. Points: mean landmark error in mm. Select two to compare, one to use or delete it.</source>
   <translation>Die Ergebnisse dieser Volumen; ✓ bezeichnet den besten Wert. NCC und Dice: 1 ist am besten. Punkte: mittlerer Fehler der Landmarken in mm. Zwei wählen zum Vergleichen, eines zum Nutzen oder Löschen.</translation>
  </message>
  <message>
   <source>Result</source>
   <translation>Ergebnis</translation>
  </message>
  <message>
   <source>NCC</source>
   <translation>NCC</translation>
  </message>
  <message>
   <source>Dice</source>
   <translation>Dice</translation>
  </message>
  <message>
   <source>Points mm</source>
   <translation>Punkte mm</translation>
  </message>
  <message>
   <source>Show both warped volumes, linked.</source>
   <translation>Beide verformten Volumen zeigen, gekoppelt.</translation>
  </message>
  <message>
   <source>Side by side</source>
   <translation>Nebeneinander</translation>
  </message>
  <message>
   <source>Show both warped volumes in turns.</source>
   <translation>Beide verformten Volumen abwechselnd zeigen.</translation>
  </message>
  <message>
   <source>Flicker both</source>
   <translation>Abwechselnd</translation>
  </message>
  <message>
   <source>Make the selected result the current one; the current one is kept instead.</source>
   <translation>Das gewählte Ergebnis zum aktuellen machen; das aktuelle wird stattdessen behalten.</translation>
  </message>
  <message>
   <source>Make it current</source>
   <translation>Aktuell machen</translation>
  </message>
  <message>
   <source>Remove the nodes of the selected result from the scene.</source>
   <translation>Die Knoten des gewählten Ergebnisses aus der Szene entfernen.</translation>
  </message>
  <message>
   <source>Delete</source>
   <translation>Löschen</translation>
  </message>
  <message>
   <source>What was done last.</source>
   <translation>Was zuletzt getan wurde.</translation>
  </message>
  <message>
   <source>Move other nodes with the result.</source>
   <translation>Andere Knoten mit dem Ergebnis bewegen.</translation>
  </message>
  <message>
   <source>Apply to</source>
   <translation>Anwenden auf</translation>
  </message>
  <message>
   <source>The volumes, segmentations, models and markups to move with the result. Tick them.</source>
   <translation>Die Volumen, Segmentierungen, Modelle und Markups, die sich mit dem Ergebnis bewegen sollen. Bitte ankreuzen.</translation>
  </message>
  <message>
   <source>Nodes:</source>
   <translation>Knoten:</translation>
  </message>
  <message>
   <source>The transform to apply: that of the last result, or any other of the scene.</source>
   <translation>Die anzuwendende Transformation: die des letzten Ergebnisses oder eine andere der Szene.</translation>
  </message>
  <message>
   <source>Transform:</source>
   <translation>Transformation:</translation>
  </message>
  <message>
   <source>Select a transform</source>
   <translation>Transformation wählen</translation>
  </message>
  <message>
   <source>Move from the fixed anatomy onto the moving one.</source>
   <translation>Von der festen auf die bewegte Anatomie bewegen.</translation>
  </message>
  <message>
   <source>Change the nodes themselves. Volumes that are moved with a result come to lie on the voxels of the volume that they are moved onto. Else the nodes are placed under the transform, and can be taken out again.</source>
   <translation>Die Knoten selbst ändern. Volumen, die mit einem Ergebnis bewegt werden, kommen auf die Voxel des Volumens zu liegen, auf das sie bewegt werden. Sonst kommen die Knoten unter die Transformation und können wieder herausgenommen werden.</translation>
  </message>
  <message>
   <source>Harden</source>
   <translation>Einbrennen</translation>
  </message>
  <message>
   <source>Leave the nodes as they are, and move copies of them for good. Copies of volumes lie on the voxels of the fixed volume. An earlier copy for the same fixed volume is replaced.</source>
   <translation>Die Knoten lassen, wie sie sind, und Kopien von ihnen endgültig bewegen. Kopien von Volumen liegen auf den Voxeln des festen Volumens. Eine frühere Kopie für dasselbe feste Volumen wird ersetzt.</translation>
  </message>
  <message>
   <source>Copies</source>
   <translation>Kopien</translation>
  </message>
  <message>
   <source>After each registration, move copies of the ticked nodes with its transform: the other contrasts, segmentations and points of the session of the moving volume.</source>
   <translation>Nach jeder Registrierung Kopien der angekreuzten Knoten mit ihrer Transformation bewegen: die anderen Kontraste, Segmentierungen und Punkte der Sitzung des bewegten Volumens.</translation>
  </message>
  <message>
   <source>Also with each run, as copies</source>
   <translation>Auch mit jedem Lauf, als Kopien</translation>
  </message>
  <message>
   <source>Move the ticked nodes with the transform.</source>
   <translation>Die angekreuzten Knoten mit der Transformation bewegen.</translation>
  </message>
  <message>
   <source>Apply to nodes</source>
   <translation>Auf Knoten anwenden</translation>
  </message>
  <message>
   <source>Put the nodes back as they were.</source>
   <translation>Die Knoten zurücksetzen, wie sie waren.</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>Rückgängig</translation>
  </message>
  <message>
   <source>Files for other programs.</source>
   <translation>Dateien für andere Programme.</translation>
  </message>
  <message>
   <source>Export</source>
   <translation>Export</translation>
  </message>
  <message>
   <source>The form of the file, which decides what programs read it.</source>
   <translation>Die Form der Datei, die bestimmt, welche Programme sie lesen.</translation>
  </message>
  <message>
   <source>Form:</source>
   <translation>Form:</translation>
  </message>
  <message>
   <source>The programs that read this form.</source>
   <translation>Die Programme, die diese Form lesen.</translation>
  </message>
  <message>
   <source>The transform from fixed to moving points, or its inverse, on the voxels of the moving image.</source>
   <translation>Die Transformation von festen auf bewegte Punkte oder ihre Inverse, auf den Voxeln des bewegten Bildes.</translation>
  </message>
  <message>
   <source>Direction:</source>
   <translation>Richtung:</translation>
  </message>
  <message>
   <source>The largest error of a B-spline at a voxel, in mm (0.01 to 10). More makes a smaller file.</source>
   <translation>Der größte Fehler eines B-Splines an einem Voxel, in mm (0.01 bis 10). Mehr gibt eine kleinere Datei.</translation>
  </message>
  <message>
   <source>Write the transform as a file in the form that is chosen above.</source>
   <translation>Die Transformation als Datei in der oben gewählten Form schreiben.</translation>
  </message>
  <message>
   <source>Export transform...</source>
   <translation>Transformation exportieren...</translation>
  </message>
  <message>
   <source>Write the warped volume as a derived DICOM series and the transform as a Deformable Spatial Registration object, into a new folder. Patient, study and frame of reference are those of the fixed volume, where it was loaded from DICOM.</source>
   <translation>Das verformte Volumen als abgeleitete DICOM-Serie und die Transformation als Deformable Spatial Registration in einen neuen Ordner schreiben. Patient, Studie und Bezugssystem sind die des festen Volumens, wenn es aus DICOM geladen wurde.</translation>
  </message>
  <message>
   <source>Export DICOM...</source>
   <translation>DICOM exportieren...</translation>
  </message>
  <message>
   <source>What was written, and what its form costs in mm.</source>
   <translation>Was geschrieben wurde und was die Form in mm kostet.</translation>
  </message>
  <message>
   <source>Register many pairs in the background, with the model and the options above.</source>
   <translation>Viele Paare im Hintergrund registrieren, mit dem Modell und den Optionen oben.</translation>
  </message>
  <message>
   <source>Many pairs</source>
   <translation>Viele Paare</translation>
  </message>
  <message>
   <source>Which pairs are registered.</source>
   <translation>Welche Paare registriert werden.</translation>
  </message>
  <message>
   <source>Images:</source>
   <translation>Bilder:</translation>
  </message>
  <message>
   <source>Which pairs are registered: those of a table, of a BIDS data set, or the loaded volumes.</source>
   <translation>Welche Paare registriert werden: die einer Tabelle, eines BIDS-Datensatzes oder die geladenen Volumen.</translation>
  </message>
  <message>
   <source>A table</source>
   <translation>Eine Tabelle</translation>
  </message>
  <message>
   <source>A BIDS data set</source>
   <translation>Ein BIDS-Datensatz</translation>
  </message>
  <message>
   <source>The loaded volumes</source>
   <translation>Die geladenen Volumen</translation>
  </message>
  <message>
   <source>The table, or the folder of the BIDS data set.</source>
   <translation>Die Tabelle oder der Ordner des BIDS-Datensatzes.</translation>
  </message>
  <message>
   <source>From:</source>
   <translation>Aus:</translation>
  </message>
  <message>
   <source>A table of pairs (columns fixed, moving) or of images (column image), CSV or JSON; or the folder of a BIDS data set.</source>
   <translation>Eine Tabelle von Paaren (Spalten fixed, moving) oder von Bildern (Spalte image), CSV oder JSON; oder der Ordner eines BIDS-Datensatzes.</translation>
  </message>
  <message>
   <source>table or folder</source>
   <translation>Tabelle oder Ordner</translation>
  </message>
  <message>
   <source>Choose the table or the data set</source>
   <translation>Tabelle oder Datensatz wählen</translation>
  </message>
  <message>
   <source>Choose the table, or the folder of the data set.</source>
   <translation>Die Tabelle oder den Ordner des Datensatzes wählen.</translation>
  </message>
  <message>
   <source>How images make pairs.</source>
   <translation>Wie aus Bildern Paare werden.</translation>
  </message>
  <message>
   <source>Pairs:</source>
   <translation>Paare:</translation>
  </message>
  <message>
   <source>How images make pairs: as the table lists them, all others to the fixed volume or to the first image, each to each, each frame of a subject to the one before it or to its first one.</source>
   <translation>Wie aus Bildern Paare werden: wie die Tabelle sie nennt, alle anderen auf das feste Volumen oder das erste Bild, jedes auf jedes, jedes Bild einer Person auf das vorige oder auf ihr erstes.</translation>
  </message>
  <message>
   <source>As the table lists them</source>
   <translation>Wie in der Tabelle</translation>
  </message>
  <message>
   <source>All to one image</source>
   <translation>Alle auf ein Bild</translation>
  </message>
  <message>
   <source>Each to each</source>
   <translation>Jedes auf jedes</translation>
  </message>
  <message>
   <source>Consecutive frames</source>
   <translation>Aufeinanderfolgende</translation>
  </message>
  <message>
   <source>Frames to the first</source>
   <translation>Alle auf das erste</translation>
  </message>
  <message>
   <source>The image that all others are registered to.</source>
   <translation>Das Bild, auf das alle anderen registriert werden.</translation>
  </message>
  <message>
   <source>To:</source>
   <translation>Auf:</translation>
  </message>
  <message>
   <source>Name of the loaded volume, or id, file name or subject of the image in the table, that all others are registered to. Empty: the fixed volume above.</source>
   <translation>Name des geladenen Volumens, oder Kennung, Dateiname oder Person des Bildes in der Tabelle, auf das alle anderen registriert werden. Leer: das feste Volumen oben.</translation>
  </message>
  <message>
   <source>the fixed volume</source>
   <translation>das feste Volumen</translation>
  </message>
  <message>
   <source>The loaded volumes that are registered. None ticked: all but results.</source>
   <translation>Die geladenen Volumen, die registriert werden. Keines angekreuzt: alle außer Ergebnissen.</translation>
  </message>
  <message>
   <source>Only these:</source>
   <translation>Nur diese:</translation>
  </message>
  <message>
   <source>The folder of all results.</source>
   <translation>Der Ordner aller Ergebnisse.</translation>
  </message>
  <message>
   <source>Results in:</source>
   <translation>Ergebnisse in:</translation>
  </message>
  <message>
   <source>The folder of all results, a new one or that of an earlier run: what is there and unchanged is not done again.</source>
   <translation>Der Ordner aller Ergebnisse, ein neuer oder der eines früheren Laufs: Was da und unverändert ist, wird nicht noch einmal gemacht.</translation>
  </message>
  <message>
   <source>folder</source>
   <translation>Ordner</translation>
  </message>
  <message>
   <source>Choose the folder of the results</source>
   <translation>Ordner der Ergebnisse wählen</translation>
  </message>
  <message>
   <source>Choose the folder of the results.</source>
   <translation>Den Ordner der Ergebnisse wählen.</translation>
  </message>
  <message>
   <source>Register all pairs in the background.</source>
   <translation>Alle Paare im Hintergrund registrieren.</translation>
  </message>
  <message>
   <source>Register all</source>
   <translation>Alle registrieren</translation>
  </message>
  <message>
   <source>Progress of the pairs</source>
   <translation>Fortschritt der Paare</translation>
  </message>
  <message>
   <source>Pairs that are registered or have failed.</source>
   <translation>Paare, die registriert oder gescheitert sind.</translation>
  </message>
  <message>
   <source>How far the pairs are.</source>
   <translation>Wie weit die Paare sind.</translation>
  </message>
  <message>
   <source>Pairs of the cohort</source>
   <translation>Paare der Kohorte</translation>
  </message>
  <message>
   <source>The pairs, those first that need a look most. A click loads a pair with its result. Quality: one number without a unit, from 0 to 1.</source>
   <translation>Die Paare, zuerst die, die am ehesten anzusehen sind. Ein Klick lädt ein Paar mit seinem Ergebnis. Qualität: eine Zahl ohne Einheit, von 0 bis 1.</translation>
  </message>
  <message>
   <source>Show the fixed image and the warped ones of the pairs beside each other, linked: those of the selected rows, or the first 8 of one fixed image. Once more: the views as they were.</source>
   <translation>Das feste Bild und die verformten der Paare nebeneinander zeigen, gekoppelt: die der gewählten Zeilen oder die ersten 8 eines festen Bildes. Noch einmal: die Ansichten, wie sie waren.</translation>
  </message>
  <message>
   <source>Results side by side</source>
   <translation>Ergebnisse nebeneinander</translation>
  </message>
  <message>
   <source>Open the page of all pairs in the browser: it sorts and filters, with distributions and pictures.</source>
   <translation>Die Seite aller Paare im Browser öffnen: Sie sortiert und filtert, mit Verteilungen und Bildern.</translation>
  </message>
  <message>
   <source>Open the report</source>
   <translation>Bericht öffnen</translation>
  </message>
  <message>
   <source>What was done, for reports of problems.</source>
   <translation>Was getan wurde, für Fehlerberichte.</translation>
  </message>
  <message>
   <source>Log</source>
   <translation>Protokoll</translation>
  </message>
  <message>
   <source>What was done, and what went wrong.</source>
   <translation>Was getan wurde und was fehlschlug.</translation>
  </message>
  <message>
   <source>Check the installation: packages, folders, memory, and a registration of two small images in the background, which takes some seconds. One line tells what is wrong.</source>
   <translation>Die Installation prüfen: Pakete, Ordner, Speicher und eine Registrierung zweier kleiner Bilder im Hintergrund, was einige Sekunden dauert. Eine Zeile sagt, was falsch ist.</translation>
  </message>
  <message>
   <source>Check installation</source>
   <translation>Installation prüfen</translation>
  </message>
  <message>
   <source>Copy the log to the clipboard, for a report of a problem.</source>
   <translation>Das Protokoll in die Zwischenablage kopieren, für einen Fehlerbericht.</translation>
  </message>
  <message>
   <source>Copy log</source>
   <translation>Protokoll kopieren</translation>
  </message>
  <message>
   <source>LDM Registration</source>
   <translation>LDM-Registrierung</translation>
  </message>
  <message>
   <source>Registers a moving to a fixed image with a trained deep network, refines the result on the pair, and tells how far to trust it. Not for clinical use.</source>
   <translation>Registriert ein bewegtes auf ein festes Bild mit einem trainierten tiefen Netz, verfeinert das Ergebnis an diesem Paar und sagt, wie weit man ihm trauen kann. Nicht für den klinischen Gebrauch.</translation>
  </message>
  <message>
   <source>LDM-Morph is a method of Wu and Gong (2026), textSCF of Zhang and others (2023).</source>
   <translation>LDM-Morph ist ein Verfahren von Wu und Gong (2026), textSCF eines von Zhang und anderen (2023).</translation>
  </message>
 </context>
 <context>
  <name>display.deformation</name>
  <message>
   <source>shift (mm)</source>
   <translation>Weg (mm)</translation>
  </message>
 </context>
 <context>
  <name>display.displacement</name>
  <message>
   <source>shift (mm)</source>
   <translation>Weg (mm)</translation>
  </message>
 </context>
 <context>
  <name>display.images</name>
  <message>
   <source>warped − fixed</source>
   <translation>verformt − fest</translation>
  </message>
  <message>
   <source>display: the {name} volume was removed from the scene</source>
   <translation>Anzeige: Das Volumen {name} wurde aus der Szene entfernt</translation>
  </message>
  <message>
   <source>display: {what} needs the output {output!r}, which the scene does not have; register with this output switched on</source>
   <translation>Anzeige: {what} braucht die Ausgabe {output!r}, die in der Szene fehlt; mit dieser Ausgabe noch einmal registrieren</translation>
  </message>
 </context>
 <context>
  <name>display.point_text</name>
  <message>
   <source>{length} mm</source>
   <translation>{length} mm</translation>
  </message>
  <message>
   <source>the map folds here</source>
   <translation>die Abbildung faltet hier</translation>
  </message>
  <message>
   <source>volume unchanged</source>
   <translation>Volumen unverändert</translation>
  </message>
  <message>
   <source>volume {change} %</source>
   <translation>Volumen {change} %</translation>
  </message>
 </context>
 <context>
  <name>display.result_display</name>
  <message>
   <source>display: there is no inverse; register with this output switched on</source>
   <translation>Anzeige: Es gibt keine Inverse; mit dieser Ausgabe noch einmal registrieren</translation>
  </message>
  <message>
   <source>there and back (mm)</source>
   <translation>hin und zurück (mm)</translation>
  </message>
  <message>
   <source>uncertainty (mm)</source>
   <translation>Unsicherheit (mm)</translation>
  </message>
 </context>
 <context>
  <name>panel.anatomy_section</name>
  <message>
   <source>Anatomy</source>
   <translation>Anatomie</translation>
  </message>
  <message>
   <source>Label {number}</source>
   <translation>Label {number}</translation>
  </message>
  <message>
   <source>left out</source>
   <translation>ausgelassen</translation>
  </message>
  <message>
   <source>Structures of one name or number are aligned and refined; images are not used.</source>
   <translation>Strukturen gleichen Namens oder gleicher Nummer werden ausgerichtet und verfeinert; Bilder werden nicht genutzt.</translation>
  </message>
  <message>
   <source>Without volumes, Apply makes some of the labels.</source>
   <translation>Ohne Volumen macht „Anwenden“ welche aus den Labels.</translation>
  </message>
  <message>
   <source>The chosen model takes no regions: labels only measure the overlap.</source>
   <translation>Das gewählte Modell nimmt keine Regionen: Labels messen nur die Überlappung.</translation>
  </message>
  <message>
   <source>The model works without regions, and less well than with them.</source>
   <translation>Das Modell arbeitet auch ohne Regionen, aber weniger gut als mit ihnen.</translation>
  </message>
  <message>
   <source>{matched} of {count} structures are regions of the model.</source>
   <translation>{matched} von {count} Strukturen sind Regionen des Modells.</translation>
  </message>
  <message>
   <source>Select the labels of the fixed image.</source>
   <translation>Bitte die Labels des festen Bildes wählen.</translation>
  </message>
  <message>
   <source>The model has no segmenter of its own: select labels of the fixed image.</source>
   <translation>Das Modell segmentiert nicht selbst: Bitte Labels des festen Bildes wählen.</translation>
  </message>
  <message>
   <source>The model finds the structures of the fixed image itself.</source>
   <translation>Das Modell findet die Strukturen des festen Bildes selbst.</translation>
  </message>
 </context>
 <context>
  <name>panel.apply_section</name>
  <message>
   <source>Select a transform.</source>
   <translation>Bitte eine Transformation wählen.</translation>
  </message>
  <message>
   <source>Tick the nodes to move.</source>
   <translation>Bitte die zu bewegenden Knoten ankreuzen.</translation>
  </message>
  <message>
   <source>Move the ticked nodes with the transform.</source>
   <translation>Die angekreuzten Knoten mit der Transformation bewegen.</translation>
  </message>
  <message>
   <source>Put back as before: {names}</source>
   <translation>Zurücksetzen, wie es war: {names}</translation>
  </message>
  <message>
   <source>Nothing to undo.</source>
   <translation>Nichts rückgängig zu machen.</translation>
  </message>
  <message>
   <source>The nodes could not be moved.</source>
   <translation>Die Knoten konnten nicht bewegt werden.</translation>
  </message>
  <message>
   <source>Moved and hardened: {names}.</source>
   <translation>Bewegt und eingebrannt: {names}.</translation>
  </message>
  <message>
   <source>Moved: {names}.</source>
   <translation>Bewegt: {names}.</translation>
  </message>
  <message>
   <source>Copies: {names}.</source>
   <translation>Kopien: {names}.</translation>
  </message>
  <message>
   <source>The run has made no transform: tick it under Outputs.</source>
   <translation>Der Lauf hat keine Transformation angelegt: Bitte unter Ausgaben ankreuzen.</translation>
  </message>
  <message>
   <source>The nodes could not be put back.</source>
   <translation>Die Knoten konnten nicht zurückgesetzt werden.</translation>
  </message>
  <message>
   <source>As before: {names}.</source>
   <translation>Wie vorher: {names}.</translation>
  </message>
 </context>
 <context>
  <name>panel.belongings</name>
  <message>
   <source>Taken out, as it was chosen for other volumes: {names}.</source>
   <translation>Herausgenommen, weil für andere Volumen gewählt: {names}.</translation>
  </message>
 </context>
 <context>
  <name>panel.check_section</name>
  <message>
   <source>Checking...</source>
   <translation>Prüfung läuft...</translation>
  </message>
  <message>
   <source>Check installation</source>
   <translation>Installation prüfen</translation>
  </message>
  <message>
   <source>Checking the installation: registering two small images...</source>
   <translation>Installation wird geprüft: Zwei kleine Bilder werden registriert...</translation>
  </message>
 </context>
 <context>
  <name>panel.choice_sections</name>
  <message>
   <source>Alignment</source>
   <translation>Ausrichtung</translation>
  </message>
  <message>
   <source>{count} changed</source>
   <translation>{count} geändert</translation>
  </message>
  <message>
   <source>Options</source>
   <translation>Optionen</translation>
  </message>
  <message>
   <source>Outputs</source>
   <translation>Ausgaben</translation>
  </message>
  <message>
   <source>{count} selected</source>
   <translation>{count} gewählt</translation>
  </message>
 </context>
 <context>
  <name>panel.cohort_section</name>
  <message>
   <source>Cancelling...</source>
   <translation>Wird abgebrochen...</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>End after the pairs that are going on; complete ones stay.</source>
   <translation>Nach den laufenden Paaren aufhören; fertige bleiben.</translation>
  </message>
  <message>
   <source>Register all</source>
   <translation>Alle registrieren</translation>
  </message>
  <message>
   <source>Register all pairs in the background.</source>
   <translation>Alle Paare im Hintergrund registrieren.</translation>
  </message>
  <message>
   <source>The module is not open.</source>
   <translation>Das Modul ist nicht offen.</translation>
  </message>
  <message>
   <source>Choose a table.</source>
   <translation>Bitte eine Tabelle wählen.</translation>
  </message>
  <message>
   <source>Choose a folder.</source>
   <translation>Bitte einen Ordner wählen.</translation>
  </message>
  <message>
   <source>Choose how images make pairs.</source>
   <translation>Bitte wählen, wie aus Bildern Paare werden.</translation>
  </message>
  <message>
   <source>Choose a folder for the results.</source>
   <translation>Ordner für die Ergebnisse wählen.</translation>
  </message>
  <message>
   <source>The BIDS data set</source>
   <translation>Der BIDS-Datensatz</translation>
  </message>
  <message>
   <source>Tables</source>
   <translation>Tabellen</translation>
  </message>
  <message>
   <source>The table</source>
   <translation>Die Tabelle</translation>
  </message>
  <message>
   <source>Folder for the results</source>
   <translation>Ordner für die Ergebnisse</translation>
  </message>
  <message>
   <source>Name the image that all others are registered to.</source>
   <translation>Bitte das Bild nennen, auf das alle anderen registriert werden.</translation>
  </message>
  <message>
   <source>{count} loaded volumes are called {name}; rename all but one.</source>
   <translation>{count} geladene Volumen heißen {name}; bitte alle bis auf eines umbenennen.</translation>
  </message>
  <message>
   <source>No loaded volume is called {name}; there are {names}.</source>
   <translation>Kein geladenes Volumen heißt {name}; es gibt {names}.</translation>
  </message>
  <message>
   <source>Name the folder of the results with its whole path.</source>
   <translation>Bitte den Ordner der Ergebnisse mit ganzem Pfad angeben.</translation>
  </message>
  <message>
   <source>there is no {source}</source>
   <translation>{source} gibt es nicht</translation>
  </message>
  <message>
   <source>Starting.</source>
   <translation>Es fängt an.</translation>
  </message>
  <message>
   <source>{done} of {pairs} pairs</source>
   <translation>{done} von {pairs} Paaren</translation>
  </message>
  <message>
   <source>{count} failed</source>
   <translation>{count} gescheitert</translation>
  </message>
  <message>
   <source>about {minutes} min left</source>
   <translation>noch etwa {minutes} min</translation>
  </message>
  <message>
   <source>{done} of {pairs} pairs are registered.</source>
   <translation>{done} von {pairs} Paaren sind registriert.</translation>
  </message>
  <message>
   <source>Failed: {count}.</source>
   <translation>Fehlgeschlagen: {count}.</translation>
  </message>
  <message>
   <source>A click on a pair loads it.</source>
   <translation>Ein Klick auf ein Paar lädt es.</translation>
  </message>
  <message>
   <source>The command ended without a word.</source>
   <translation>Der Befehl endete ohne ein Wort.</translation>
  </message>
  <message>
   <source>Cancelled.</source>
   <translation>Abgebrochen.</translation>
  </message>
  <message>
   <source>The rest is left.</source>
   <translation>Der Rest bleibt übrig.</translation>
  </message>
  <message>
   <source>To {name}</source>
   <translation>Auf {name}</translation>
  </message>
  <message>
   <source>Pair</source>
   <translation>Paar</translation>
  </message>
  <message>
   <source>Verdict</source>
   <translation>Urteil</translation>
  </message>
  <message>
   <source>Quality</source>
   <translation>Qualität</translation>
  </message>
  <message>
   <source>It is not registered yet.</source>
   <translation>Es ist noch nicht registriert.</translation>
  </message>
  <message>
   <source>{pair} is loaded: the fixed and the warped image.</source>
   <translation>{pair} ist geladen: das feste und das verformte Bild.</translation>
  </message>
  <message>
   <source>Side by side: the fixed image, then the warped ones of {names}.</source>
   <translation>Nebeneinander: das feste Bild, dann die verformten von {names}.</translation>
  </message>
  <message>
   <source>More do not fit; select rows for others.</source>
   <translation>Mehr passen nicht; für andere bitte Zeilen wählen.</translation>
  </message>
  <message>
   <source>Failed</source>
   <translation>Fehlgeschlagen</translation>
  </message>
  <message>
   <source>Missing</source>
   <translation>Fehlt</translation>
  </message>
 </context>
 <context>
  <name>panel.compare_section</name>
  <message>
   <source>Result</source>
   <translation>Ergebnis</translation>
  </message>
  <message>
   <source>NCC</source>
   <translation>NCC</translation>
  </message>
  <message>
   <source>Dice</source>
   <translation>Dice</translation>
  </message>
  <message>
   <source>Points
mm</source>
   <translation>Punkte
mm</translation>
  </message>
  <message>
   <source>Folds</source>
   <translation>Falten</translation>
  </message>
  <message>
   <source>Current</source>
   <translation>Aktuell</translation>
  </message>
  <message>
   <source>{count} kept</source>
   <translation>{count} behalten</translation>
  </message>
  <message>
   <source>Compare results</source>
   <translation>Ergebnisse vergleichen</translation>
  </message>
  <message>
   <source>Select two results that have a warped volume.</source>
   <translation>Bitte zwei Ergebnisse wählen, die ein verformtes Volumen haben.</translation>
  </message>
  <message>
   <source>Show both warped volumes, linked.</source>
   <translation>Beide verformten Volumen zeigen, gekoppelt.</translation>
  </message>
  <message>
   <source>Show both warped volumes in turns.</source>
   <translation>Beide verformten Volumen abwechselnd zeigen.</translation>
  </message>
  <message>
   <source>Select one result that was kept.</source>
   <translation>Bitte ein behaltenes Ergebnis wählen.</translation>
  </message>
  <message>
   <source>Make the selected result the current one; the current one is kept instead.</source>
   <translation>Das gewählte Ergebnis zum aktuellen machen; das aktuelle wird stattdessen behalten.</translation>
  </message>
  <message>
   <source>Remove the nodes of the selected result from the scene.</source>
   <translation>Die Knoten des gewählten Ergebnisses aus der Szene entfernen.</translation>
  </message>
  <message>
   <source>Run {number}</source>
   <translation>Lauf {number}</translation>
  </message>
  <message>
   <source>Kept as {name}; the next run makes new nodes.</source>
   <translation>Als {name} behalten; der nächste Lauf legt neue Knoten an.</translation>
  </message>
  <message>
   <source>Kept as {name}; the result that these volumes had before is the current one again.</source>
   <translation>Als {name} behalten; das frühere Ergebnis dieser Volumen ist wieder das aktuelle.</translation>
  </message>
  <message>
   <source>{name} is the current result.</source>
   <translation>{name} ist das aktuelle Ergebnis.</translation>
  </message>
  <message>
   <source>The former one is kept as {name}.</source>
   <translation>Das vorige ist als {name} behalten.</translation>
  </message>
  <message>
   <source>{name} was deleted.</source>
   <translation>{name} wurde gelöscht.</translation>
  </message>
  <message>
   <source>Shown: {name}</source>
   <translation>Gezeigt: {name}</translation>
  </message>
 </context>
 <context>
  <name>panel.control_names</name>
  <message>
   <source>Preset</source>
   <translation>Vorgabe</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>Register</source>
   <translation>Registrieren</translation>
  </message>
  <message>
   <source>Align first</source>
   <translation>Erst ausrichten</translation>
  </message>
  <message>
   <source>Initial transform</source>
   <translation>Anfangstransf.</translation>
  </message>
  <message>
   <source>Register by</source>
   <translation>Registrieren nach</translation>
  </message>
  <message>
   <source>Use of the landmarks</source>
   <translation>Nutzen der Landmarken</translation>
  </message>
  <message>
   <source>Exact to</source>
   <translation>Genau auf</translation>
  </message>
  <message>
   <source>Device</source>
   <translation>Gerät</translation>
  </message>
  <message>
   <source>Precision</source>
   <translation>Genauigkeit</translation>
  </message>
  <message>
   <source>Refinement</source>
   <translation>Verfeinerung</translation>
  </message>
  <message>
   <source>Similarity</source>
   <translation>Ähnlichkeit</translation>
  </message>
  <message>
   <source>Iterations</source>
   <translation>Iterationen</translation>
  </message>
  <message>
   <source>Smoothness</source>
   <translation>Glattheit</translation>
  </message>
  <message>
   <source>Free of folds</source>
   <translation>Faltenfrei</translation>
  </message>
  <message>
   <source>Seed</source>
   <translation>Startzahl</translation>
  </message>
  <message>
   <source>Uncertainty</source>
   <translation>Unsicherheit</translation>
  </message>
  <message>
   <source> or </source>
   <translation> oder </translation>
  </message>
 </context>
 <context>
  <name>panel.cursor_section</name>
  <message>
   <source>Where the cursor points: there is no transform yet.</source>
   <translation>Wohin der Zeiger zeigt: Es gibt noch keine Transformation.</translation>
  </message>
  <message>
   <source>Point at the image: how far it has moved, and where to.</source>
   <translation>Auf das Bild zeigen: wie weit es sich bewegt hat und wohin.</translation>
  </message>
 </context>
 <context>
  <name>panel.display_section</name>
  <message>
   <source>Choose a fixed and a moving volume.</source>
   <translation>Festes und bewegtes Volumen wählen.</translation>
  </message>
  <message>
   <source>The map does not fold anywhere.</source>
   <translation>Die Abbildung faltet nirgends.</translation>
  </message>
  <message>
   <source>There is no output “{output}” yet: press Apply.</source>
   <translation>Die Ausgabe „{output}“ gibt es noch nicht: Anwenden klicken.</translation>
  </message>
 </context>
 <context>
  <name>panel.export_section</name>
  <message>
   <source>{title} ({suffix})</source>
   <translation>{title} ({suffix})</translation>
  </message>
  <message>
   <source>Transform</source>
   <translation>Transformation</translation>
  </message>
  <message>
   <source>Inverse</source>
   <translation>Inverse</translation>
  </message>
  <message>
   <source>Read by {programs}.</source>
   <translation>Gelesen von {programs}.</translation>
  </message>
  <message>
   <source>Write the transform as a file in the form that is chosen above.</source>
   <translation>Die Transformation als Datei in der oben gewählten Form schreiben.</translation>
  </message>
  <message>
   <source>Write the warped volume as a derived DICOM series and the transform as a Deformable Spatial Registration object, into a new folder. Patient, study and frame of reference are those of the fixed volume, where it was loaded from DICOM.</source>
   <translation>Das verformte Volumen als abgeleitete DICOM-Serie und die Transformation als Deformable Spatial Registration in einen neuen Ordner schreiben. Patient, Studie und Bezugssystem sind die des festen Volumens, wenn es aus DICOM geladen wurde.</translation>
  </message>
  <message>
   <source>A file is being written.</source>
   <translation>Eine Datei wird geschrieben.</translation>
  </message>
  <message>
   <source>There is no transform of these volumes yet: press Apply.</source>
   <translation>Es gibt noch keine Transformation dieser Volumen: Anwenden klicken.</translation>
  </message>
  <message>
   <source>Export transform</source>
   <translation>Transformation exportieren</translation>
  </message>
  <message>
   <source>Writing {path} ...</source>
   <translation>{path} wird geschrieben ...</translation>
  </message>
  <message>
   <source>Folder in which a new one for DICOM is made</source>
   <translation>Ordner, in dem ein neuer für DICOM angelegt wird</translation>
  </message>
  <message>
   <source>Saved {path}: one slice, and the deformation.</source>
   <translation>{path} gespeichert: eine Schicht, und die Verformung.</translation>
  </message>
  <message>
   <source>Saved {path}: {count} slices, and the deformation.</source>
   <translation>{path} gespeichert: {count} Schichten und die Verformung.</translation>
  </message>
  <message>
   <source>Saved {path} ({size} kB): off by {mean} mm on average, {most} mm at most.</source>
   <translation>{path} gespeichert ({size} kB): im Mittel {mean} mm daneben, höchstens {most} mm.</translation>
  </message>
  <message>
   <source>There and back misses by {mean} mm on average, {most} mm at most.</source>
   <translation>Hin und zurück geht im Mittel {mean} mm daneben, höchstens {most} mm.</translation>
  </message>
  <message>
   <source>DICOM was not saved: {reason}</source>
   <translation>DICOM wurde nicht gespeichert: {reason}</translation>
  </message>
  <message>
   <source>The transform was not saved: {reason}</source>
   <translation>Die Transformation wurde nicht gespeichert: {reason}</translation>
  </message>
 </context>
 <context>
  <name>panel.first_choice</name>
  <message>
   <source>The two volumes of the scene are chosen: {fixed} stays, {moving} is warped.</source>
   <translation>Die zwei Volumen der Szene sind gewählt: {fixed} bleibt, {moving} wird verformt.</translation>
  </message>
 </context>
 <context>
  <name>panel.inputs_section</name>
  <message>
   <source>Fixed or sequence:</source>
   <translation>Fest o. Sequenz:</translation>
  </message>
  <message>
   <source>Fixed volume:</source>
   <translation>Festes Volumen:</translation>
  </message>
  <message>
   <source>Automatic</source>
   <translation>Automatisch</translation>
  </message>
  <message>
   <source>None: optimise on this pair only</source>
   <translation>Keines: nur an diesem Paar optimieren</translation>
  </message>
  <message>
   <source>{name} (not installed)</source>
   <translation>{name} (nicht installiert)</translation>
  </message>
  <message>
   <source>Chosen to fit the images, 2D or 3D.</source>
   <translation>Passend zu den Bildern gewählt, 2D oder 3D.</translation>
  </message>
  <message>
   <source>The field is optimised on this pair alone. Good where no model fits.</source>
   <translation>Das Feld wird nur an diesem Paar optimiert. Gut, wo kein Modell passt.</translation>
  </message>
  <message>
   <source>The labels alone are registered, without a model.</source>
   <translation>Nur die Labels werden registriert, ohne Modell.</translation>
  </message>
  <message>
   <source>No model for these images is installed.</source>
   <translation>Für diese Bilder ist kein Modell installiert.</translation>
  </message>
  <message>
   <source>{title} does not know images of {size} mm: they are registered without a model. {use}</source>
   <translation>{title} kennt keine Bilder von {size} mm: Sie werden ohne Modell registriert. {use}</translation>
  </message>
  <message>
   <source>{use} It does not know images of {size} mm; None may do better.</source>
   <translation>{use} Es kennt keine Bilder von {size} mm; Keines kann besser sein.</translation>
  </message>
  <message>
   <source>No model for 3D images is installed. {title} would take the slices one by one, where it knows them; download a 3D model, or choose None.</source>
   <translation>Es ist kein Modell für 3D-Bilder installiert. {title} nähme die Schichten einzeln, wo es sie kennt; bitte ein 3D-Modell herunterladen oder Keines wählen.</translation>
  </message>
  <message>
   <source>{title} is a makeshift for slices of volumes: it is taken only where it knows them, which Apply finds out; else none is. {use}</source>
   <translation>{title} ist ein Notbehelf für Schichten von Volumen: Es wird nur genommen, wo es sie kennt, was sich beim Anwenden zeigt; sonst keines. {use}</translation>
  </message>
  <message>
   <source>The one that knows the images best, or none where none knows them: {titles}</source>
   <translation>Das Modell, das die Bilder am besten kennt, oder keines, wo keines sie kennt: {titles}</translation>
  </message>
  <message>
   <source>{title}, where it knows the images, else none: {use}</source>
   <translation>{title}, wo es die Bilder kennt, sonst keines: {use}</translation>
  </message>
  <message>
   <source>What the view shows when you press Apply, in 2D.</source>
   <translation>Was die Ansicht beim Klick auf Anwenden zeigt, in 2D.</translation>
  </message>
  <message>
   <source>The fixed volume is a 2D image.</source>
   <translation>Das feste Volumen ist ein 2D-Bild.</translation>
  </message>
  <message>
   <source>Of {count} slices, 0 to {last}; each in its plane.</source>
   <translation>Von {count} Schichten, 0 bis {last}; jede in ihrer Ebene.</translation>
  </message>
  <message>
   <source>Select a moving volume that shows a sequence.</source>
   <translation>Bitte ein bewegtes Volumen wählen, das eine Sequenz zeigt.</translation>
  </message>
  <message>
   <source>{count} frames, each to {name}.</source>
   <translation>{count} Bilder, jedes auf {name}.</translation>
  </message>
  <message>
   <source>{count} frames, 0 to {last}, each to frame {reference}.</source>
   <translation>{count} Bilder, 0 bis {last}, jedes auf Bild {reference}.</translation>
  </message>
  <message>
   <source>The initial transform was for the other direction; it was taken out.</source>
   <translation>Die Anfangstransformation war für die andere Richtung; sie wurde herausgenommen.</translation>
  </message>
  <message>
   <source>A 2D image of {shape} pixels.</source>
   <translation>Ein 2D-Bild mit {shape} Pixeln.</translation>
  </message>
  <message>
   <source>{shape} voxels. The model is for 2D images: all {count} slices are registered one by one.</source>
   <translation>{shape} Voxel. Das Modell ist für 2D-Bilder: Alle {count} Schichten werden einzeln registriert.</translation>
  </message>
  <message>
   <source>{shape} voxels, in 3D.</source>
   <translation>{shape} Voxel, in 3D.</translation>
  </message>
 </context>
 <context>
  <name>panel.landmarks_section</name>
  <message>
   <source>Stop placing</source>
   <translation>Setzen beenden</translation>
  </message>
  <message>
   <source>Place pairs</source>
   <translation>Paare setzen</translation>
  </message>
  <message>
   <source>Place pairs of points: each on both images.</source>
   <translation>Bitte Paare von Punkten setzen: jedes auf beiden Bildern.</translation>
  </message>
  <message>
   <source>Landmark</source>
   <translation>Landmarke</translation>
  </message>
  <message>
   <source>Before
mm</source>
   <translation>Vorher
mm</translation>
  </message>
  <message>
   <source>After
mm</source>
   <translation>Nachher
mm</translation>
  </message>
  <message>
   <source>{count} pairs</source>
   <translation>{count} Paare</translation>
  </message>
  <message>
   <source>they guide</source>
   <translation>sie führen</translation>
  </message>
  <message>
   <source>Landmarks</source>
   <translation>Landmarken</translation>
  </message>
  <message>
   <source>moving image, on the right</source>
   <translation>bewegte Bild, rechts</translation>
  </message>
  <message>
   <source>fixed image, on the left</source>
   <translation>feste Bild, links</translation>
  </message>
  <message>
   <source>Click the next point on the {where}.</source>
   <translation>Bitte den nächsten Punkt auf das {where} setzen.</translation>
  </message>
  <message>
   <source>The landmarks were not refined.</source>
   <translation>Die Landmarken wurden nicht angepasst.</translation>
  </message>
  <message>
   <source>{name}: nothing alike near by; left where it is.</source>
   <translation>{name}: nichts Ähnliches in der Nähe; gelassen, wo er ist.</translation>
  </message>
  <message>
   <source>{name}: moved by {way} mm (correlation {value}).</source>
   <translation>{name}: um {way} mm verschoben (Korrelation {value}).</translation>
  </message>
  <message>
   <source>only on the fixed image</source>
   <translation>nur auf dem festen Bild</translation>
  </message>
  <message>
   <source>only on the moving image</source>
   <translation>nur auf dem bewegten Bild</translation>
  </message>
  <message>
   <source>not placed</source>
   <translation>nicht gesetzt</translation>
  </message>
  <message>
   <source>not placed on the fixed image</source>
   <translation>nicht gesetzt auf dem festen Bild</translation>
  </message>
  <message>
   <source>not placed on the moving image</source>
   <translation>nicht gesetzt auf dem bewegten Bild</translation>
  </message>
  <message>
   <source>not selected</source>
   <translation>nicht gewählt</translation>
  </message>
  <message>
   <source>Mean distance {before} mm, before a registration.</source>
   <translation>Mittlerer Abstand {before} mm, vor einer Registrierung.</translation>
  </message>
  <message>
   <source>Mean distance {before} mm before, {after} mm after (largest {most} mm).</source>
   <translation>Mittlerer Abstand {before} mm vorher, {after} mm nachher (größter {most} mm).</translation>
  </message>
  <message>
   <source>Fixed landmarks</source>
   <translation>Feste Landmarken</translation>
  </message>
  <message>
   <source>Moving landmarks</source>
   <translation>Bewegte Landmarken</translation>
  </message>
 </context>
 <context>
  <name>panel.masks_section</name>
  <message>
   <source>Hide what is left out</source>
   <translation>Ausgelassenes verbergen</translation>
  </message>
  <message>
   <source>Show what is left out</source>
   <translation>Ausgelassenes zeigen</translation>
  </message>
  <message>
   <source>{mask} leaves out {count} of {total} voxels of {volume} ({percent} %).</source>
   <translation>{mask} lässt {count} von {total} Voxeln von {volume} aus ({percent} %).</translation>
  </message>
  <message>
   <source>Nothing is left out: the mask has no effect.</source>
   <translation>Nichts wird ausgelassen: Die Maske hat keine Wirkung.</translation>
  </message>
  <message>
   <source>That is nearly all: a mask marks what is compared.</source>
   <translation>Das ist fast alles: Eine Maske bezeichnet, was verglichen wird.</translation>
  </message>
 </context>
 <context>
  <name>panel.model_card_dialog</name>
  <message>
   <source>What is this model? Its measured results, what it was trained on, and its limits.</source>
   <translation>Was ist dieses Modell? Gemessene Ergebnisse, womit es trainiert wurde und seine Grenzen.</translation>
  </message>
  <message>
   <source>No model is chosen for these images.</source>
   <translation>Für diese Bilder ist kein Modell gewählt.</translation>
  </message>
  <message>
   <source>What is this model?</source>
   <translation>Was ist dieses Modell?</translation>
  </message>
 </context>
 <context>
  <name>panel.model_card_text</name>
  <message>
   <source>Measured results</source>
   <translation>Gemessene Ergebnisse</translation>
  </message>
  <message>
   <source>Trained on</source>
   <translation>Trainiert mit</translation>
  </message>
  <message>
   <source>Not stated.</source>
   <translation>Nicht angegeben.</translation>
  </message>
  <message>
   <source>Limits</source>
   <translation>Grenzen</translation>
  </message>
  <message>
   <source>The model</source>
   <translation>Das Modell</translation>
  </message>
  <message>
   <source>Nothing was measured.</source>
   <translation>Nichts wurde gemessen.</translation>
  </message>
  <message>
   <source>{name}, licence {licence}.</source>
   <translation>{name}, Lizenz {licence}.</translation>
  </message>
  <message>
   <source>Id and version</source>
   <translation>Kennung und Version</translation>
  </message>
  <message>
   <source>Method</source>
   <translation>Verfahren</translation>
  </message>
  <message>
   <source>Grid</source>
   <translation>Gitter</translation>
  </message>
  <message>
   <source>Voxels</source>
   <translation>Voxel</translation>
  </message>
  <message>
   <source>{size} mm</source>
   <translation>{size} mm</translation>
  </message>
  <message>
   <source>{count} parameters, {size} MB</source>
   <translation>{count} Parameter, {size} MB</translation>
  </message>
  <message>
   <source>Weights</source>
   <translation>Gewichte</translation>
  </message>
  <message>
   <source>Folder</source>
   <translation>Ordner</translation>
  </message>
 </context>
 <context>
  <name>panel.models_section</name>
  <message>
   <source>Open the folder of models</source>
   <translation>Ordner der Modelle öffnen</translation>
  </message>
  <message>
   <source>Look for models again</source>
   <translation>Noch einmal nach Modellen sehen</translation>
  </message>
  <message>
   <source>No models can be downloaded</source>
   <translation>Modelle können nicht heruntergeladen werden</translation>
  </message>
  <message>
   <source>Cancel the download of {title}</source>
   <translation>Download von {title} abbrechen</translation>
  </message>
  <message>
   <source>(unfinished downloads)</source>
   <translation>(unfertige Downloads)</translation>
  </message>
  <message>
   <source>Delete the downloaded models...</source>
   <translation>Heruntergeladene Modelle löschen...</translation>
  </message>
  <message>
   <source>Download {title} ({dimension}D, {size})...</source>
   <translation>{title} herunterladen ({dimension}D, {size})...</translation>
  </message>
  <message>
   <source>{title}
{use}

{size} are downloaded from {host} into {folder}. Nothing is sent.
Download it now?</source>
   <translation>{title}
{use}

{size} werden von {host} nach {folder} heruntergeladen. Nichts wird gesendet.
Jetzt herunterladen?</translation>
  </message>
  <message>
   <source>Download a model</source>
   <translation>Modell herunterladen</translation>
  </message>
  <message>
   <source>Downloading {title}: {percent} %</source>
   <translation>{title} wird heruntergeladen: {percent} %</translation>
  </message>
  <message>
   <source>{title} is there: choose it.</source>
   <translation>{title} ist da: Bitte wählen.</translation>
  </message>
  <message>
   <source>These models are deleted from {folder}; they can be downloaded again. Models that you imported or trained stay.

{titles}</source>
   <translation>Diese Modelle werden aus {folder} gelöscht; sie können wieder heruntergeladen werden. Modelle, die Sie importiert oder trainiert haben, bleiben.

{titles}</translation>
  </message>
  <message>
   <source>Delete the downloaded models</source>
   <translation>Heruntergeladene Modelle löschen</translation>
  </message>
  <message>
   <source>{size} were freed.</source>
   <translation>{size} wurden frei.</translation>
  </message>
 </context>
 <context>
  <name>panel.presets_section</name>
  <message>
   <source>Save the choices as a preset...</source>
   <translation>Die Auswahl als Vorgabe speichern...</translation>
  </message>
  <message>
   <source>Open the folder of own presets</source>
   <translation>Den Ordner der eigenen Vorgaben öffnen</translation>
  </message>
  <message>
   <source>Look for presets again</source>
   <translation>Erneut nach Vorgaben suchen</translation>
  </message>
  <message>
   <source>Own choices</source>
   <translation>Eigene Auswahl</translation>
  </message>
  <message>
   <source>Save the choices as a preset</source>
   <translation>Die Auswahl als Vorgabe speichern</translation>
  </message>
  <message>
   <source>Name of the preset:</source>
   <translation>Name der Vorgabe:</translation>
  </message>
  <message>
   <source>Saved as preset, also for the shell: ldmreg register --preset “{name}”</source>
   <translation>Als Vorgabe gespeichert, auch für die Shell: ldmreg register --preset „{name}“</translation>
  </message>
  <message>
   <source>Standard</source>
   <translation>Standard</translation>
  </message>
  <message>
   <source>Fast</source>
   <translation>Schnell</translation>
  </message>
  <message>
   <source>Careful</source>
   <translation>Sorgfältig</translation>
  </message>
  <message>
   <source>Different modalities (MIND)</source>
   <translation>Verschiedene Modalitäten (MIND)</translation>
  </message>
  <message>
   <source>Rigid only</source>
   <translation>Nur starr</translation>
  </message>
  <message>
   <source>Affine only</source>
   <translation>Nur affin</translation>
  </message>
 </context>
 <context>
  <name>panel.result_texts</name>
  <message>
   <source>Good</source>
   <translation>Gut</translation>
  </message>
  <message>
   <source>Check</source>
   <translation>Prüfen</translation>
  </message>
  <message>
   <source>Bad</source>
   <translation>Schlecht</translation>
  </message>
  <message>
   <source>no model</source>
   <translation>kein Modell</translation>
  </message>
  <message>
   <source>{good} of {count} frames good, shown the worst: frame {frame}</source>
   <translation>{good} von {count} Bildern gut, gezeigt das schlechteste: Bild {frame}</translation>
  </message>
  <message>
   <source>What to do next</source>
   <translation>Was als Nächstes zu tun ist</translation>
  </message>
  <message>
   <source>Before</source>
   <translation>Vorher</translation>
  </message>
  <message>
   <source>Aligned</source>
   <translation>Ausgerichtet</translation>
  </message>
  <message>
   <source>After</source>
   <translation>Nachher</translation>
  </message>
  <message>
   <source>Deformation</source>
   <translation>Verformung</translation>
  </message>
  <message>
   <source>Measure</source>
   <translation>Maß</translation>
  </message>
  <message>
   <source>Similarity (NCC)</source>
   <translation>Ähnlichkeit (NCC)</translation>
  </message>
  <message>
   <source>Part that both images cover</source>
   <translation>Teil, den beide Bilder abdecken</translation>
  </message>
  <message>
   <source>Part that looks unlike</source>
   <translation>Teil, der unähnlich aussieht</translation>
  </message>
  <message>
   <source>Local similarity (LNCC)</source>
   <translation>Lokale Ähnlichkeit (LNCC)</translation>
  </message>
  <message>
   <source>Mean squared error</source>
   <translation>Mittlerer quadratischer Fehler</translation>
  </message>
  <message>
   <source>Mean Dice</source>
   <translation>Mittlerer Dice</translation>
  </message>
  <message>
   <source>Mean HD95 (mm)</source>
   <translation>Mittlerer HD95 (mm)</translation>
  </message>
  <message>
   <source>Mean landmark error (mm)</source>
   <translation>Mittlerer Fehler der Landmarken (mm)</translation>
  </message>
  <message>
   <source>Largest landmark error (mm)</source>
   <translation>Größter Fehler der Landmarken (mm)</translation>
  </message>
  <message>
   <source>{change}, better than before</source>
   <translation>{change}, besser als vorher</translation>
  </message>
  <message>
   <source>{change}, worse than before</source>
   <translation>{change}, schlechter als vorher</translation>
  </message>
  <message>
   <source>Where the map turns tissue inside out.</source>
   <translation>Wo die Abbildung Gewebe umstülpt.</translation>
  </message>
  <message>
   <source>Folded samples</source>
   <translation>Gefaltete Stellen</translation>
  </message>
  <message>
   <source>Above 1 the moving tissue was larger, below 1 smaller, 0 and below it folds.</source>
   <translation>Über 1 war das bewegte Gewebe größer, unter 1 kleiner, bei 0 und darunter faltet es.</translation>
  </message>
  <message>
   <source>{low} to {high}</source>
   <translation>{low} bis {high}</translation>
  </message>
  <message>
   <source>Jacobian determinant</source>
   <translation>Jacobi-Determinante</translation>
  </message>
  <message>
   <source>Unevenness (SDlogJ)</source>
   <translation>Ungleichmäßigkeit (SDlogJ)</translation>
  </message>
  <message>
   <source>Standard deviation of the log Jacobian.</source>
   <translation>Standardabweichung des Logarithmus der Jacobi-Determinante.</translation>
  </message>
  <message>
   <source>Displacement, mean (mm)</source>
   <translation>Verschiebung, mittlere (mm)</translation>
  </message>
  <message>
   <source>Displacement, largest (mm)</source>
   <translation>Verschiebung, größte (mm)</translation>
  </message>
  <message>
   <source>Inverse consistency (mm)</source>
   <translation>Konsistenz der Inversen (mm)</translation>
  </message>
  <message>
   <source>How far there and back misses, on average.</source>
   <translation>Wie weit hin und zurück im Mittel danebengeht.</translation>
  </message>
  <message>
   <source>Uncertainty, median (mm)</source>
   <translation>Unsicherheit, Median (mm)</translation>
  </message>
  <message>
   <source>Error to expect where the fixed image is bright.</source>
   <translation>Zu erwartender Fehler, wo das feste Bild hell ist.</translation>
  </message>
  <message>
   <source>Uncertainty, 95th percentile (mm)</source>
   <translation>Unsicherheit, 95. Perzentil (mm)</translation>
  </message>
  <message>
   <source>Structure</source>
   <translation>Struktur</translation>
  </message>
  <message>
   <source>Dice
before</source>
   <translation>Dice
vorher</translation>
  </message>
  <message>
   <source>Dice
after</source>
   <translation>Dice
nachher</translation>
  </message>
  <message>
   <source>Structure
(HD95 in mm)</source>
   <translation>Struktur
(HD95 in mm)</translation>
  </message>
  <message>
   <source>HD95
before</source>
   <translation>HD95
vorher</translation>
  </message>
  <message>
   <source>HD95
after</source>
   <translation>HD95
nachher</translation>
  </message>
  <message>
   <source>Structure moved by</source>
   <translation>Struktur bewegt um</translation>
  </message>
  <message>
   <source>Mean
mm</source>
   <translation>Mittel
mm</translation>
  </message>
  <message>
   <source>Most
mm</source>
   <translation>Größte
mm</translation>
  </message>
  <message>
   <source>To</source>
   <translation>Nach</translation>
  </message>
  <message>
   <source>Mean: {v} mm</source>
   <translation>Mittel: {v} mm</translation>
  </message>
  <message>
   <source>Dice {change}</source>
   <translation>Dice {change}</translation>
  </message>
  <message>
   <source>{value} after the alignment alone</source>
   <translation>{value} nach der Ausrichtung allein</translation>
  </message>
 </context>
 <context>
  <name>panel.results_section</name>
  <message>
   <source>Results</source>
   <translation>Ergebnisse</translation>
  </message>
  <message>
   <source>There is no result for these volumes yet.</source>
   <translation>Für diese Volumen gibt es noch kein Ergebnis.</translation>
  </message>
  <message>
   <source>The report is being written.</source>
   <translation>Der Bericht wird geschrieben.</translation>
  </message>
  <message>
   <source>Save pictures and all numbers as one file, HTML or PDF.</source>
   <translation>Bilder und alle Zahlen als eine Datei speichern, HTML oder PDF.</translation>
  </message>
  <message>
   <source>The result was kept under a name; delete it there.</source>
   <translation>Das Ergebnis wurde unter einem Namen behalten; dort kann es gelöscht werden.</translation>
  </message>
  <message>
   <source>Only the last run can be reverted.</source>
   <translation>Nur der letzte Lauf kann zurückgesetzt werden.</translation>
  </message>
  <message>
   <source>Put the scene back as it was before this run.</source>
   <translation>Die Szene so zurücksetzen, wie sie vor diesem Lauf war.</translation>
  </message>
  <message>
   <source>The scene could not be put back.</source>
   <translation>Die Szene konnte nicht zurückgesetzt werden.</translation>
  </message>
  <message>
   <source>Reverted: the scene is as it was before the run.</source>
   <translation>Zurückgesetzt: Die Szene ist, wie sie vor dem Lauf war.</translation>
  </message>
  <message>
   <source>Save report</source>
   <translation>Bericht speichern</translation>
  </message>
  <message>
   <source>Writing {path} ...</source>
   <translation>{path} wird geschrieben ...</translation>
  </message>
  <message>
   <source>Saved {path}</source>
   <translation>{path} gespeichert</translation>
  </message>
  <message>
   <source>The report was not saved: {reason}</source>
   <translation>Der Bericht wurde nicht gespeichert: {reason}</translation>
  </message>
  <message>
   <source>A report can be saved after a run, not of a saved scene. Apply again for one.</source>
   <translation>Ein Bericht kann nach einem Lauf gespeichert werden, nicht von einer gespeicherten Szene. Für einen noch einmal anwenden.</translation>
  </message>
  <message>
   <source>A sequence has no report; register one of its frames for one.</source>
   <translation>Eine Sequenz hat keinen Bericht; für einen bitte eines ihrer Bilder registrieren.</translation>
  </message>
 </context>
 <context>
  <name>panel.run_section</name>
  <message>
   <source>Cancelling...</source>
   <translation>Wird abgebrochen...</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Stop the registration. The scene stays as it was.</source>
   <translation>Die Registrierung anhalten. Die Szene bleibt, wie sie war.</translation>
  </message>
  <message>
   <source>Stop loading. The scene becomes as it was.</source>
   <translation>Das Laden anhalten. Die Szene wird wieder, wie sie war.</translation>
  </message>
  <message>
   <source>Register the moving to the fixed image.</source>
   <translation>Das bewegte auf das feste Bild registrieren.</translation>
  </message>
  <message>
   <source>Apply</source>
   <translation>Anwenden</translation>
  </message>
  <message>
   <source>Registering {moving} to {fixed}, model {model}.</source>
   <translation>{moving} wird auf {fixed} registriert, Modell {model}.</translation>
  </message>
  <message>
   <source>{stage} {seconds} s</source>
   <translation>{stage} {seconds} s</translation>
  </message>
  <message>
   <source>Done in {seconds} s.</source>
   <translation>Fertig in {seconds} s.</translation>
  </message>
  <message>
   <source>Done in {seconds} s on {device}.</source>
   <translation>Fertig in {seconds} s auf {device}.</translation>
  </message>
  <message>
   <source>There was not enough memory for {first}, so {second} did it.</source>
   <translation>Der Speicher reichte nicht für {first}, also hat es {second} getan.</translation>
  </message>
  <message>
   <source>Written: {name}</source>
   <translation>Geschrieben: {name}</translation>
  </message>
  <message>
   <source>Waiting</source>
   <translation>Warten</translation>
  </message>
  <message>
   <source>Starting</source>
   <translation>Start</translation>
  </message>
  <message>
   <source>Reading the images</source>
   <translation>Bilder lesen</translation>
  </message>
  <message>
   <source>Loading the model</source>
   <translation>Modell laden</translation>
  </message>
  <message>
   <source>Finding the structures</source>
   <translation>Strukturen finden</translation>
  </message>
  <message>
   <source>Aligning</source>
   <translation>Ausrichten</translation>
  </message>
  <message>
   <source>Predicting the deformation</source>
   <translation>Verformung vorhersagen</translation>
  </message>
  <message>
   <source>Refining</source>
   <translation>Verfeinern</translation>
  </message>
  <message>
   <source>Warping</source>
   <translation>Verformen</translation>
  </message>
  <message>
   <source>Measuring</source>
   <translation>Messen</translation>
  </message>
  <message>
   <source>Fetching the result</source>
   <translation>Ergebnis holen</translation>
  </message>
  <message>
   <source>Writing the result into the scene</source>
   <translation>Ergebnis in die Szene schreiben</translation>
  </message>
 </context>
 <context>
  <name>panel.setup_section</name>
  <message>
   <source>Packages are being installed</source>
   <translation>Pakete werden installiert</translation>
  </message>
  <message>
   <source>Python packages are missing; see Setup</source>
   <translation>Python-Pakete fehlen; siehe Einrichtung</translation>
  </message>
  <message>
   <source>Slicer has to be restarted; see Setup</source>
   <translation>Slicer muss neu gestartet werden; siehe Einrichtung</translation>
  </message>
  <message>
   <source>missing</source>
   <translation>fehlt</translation>
  </message>
  <message>
   <source>Nothing was installed.</source>
   <translation>Nichts wurde installiert.</translation>
  </message>
  <message>
   <source>The model does not know all names that you gave to structures. To understand them, it needs a text encoder, a download of about 100 MB; without it these structures count as background.</source>
   <translation>Das Modell kennt nicht alle Namen, die Sie Strukturen gegeben haben. Um sie zu verstehen, braucht es einen Textkodierer, einen Download von etwa 100 MB; ohne ihn zählen diese Strukturen als Hintergrund.</translation>
  </message>
  <message>
   <source>Everything is installed. Restart Slicer before you register: these packages were replaced while Slicer was using them: {names}.</source>
   <translation>Alles ist installiert. Bitte Slicer vor dem Registrieren neu starten: Diese Pakete wurden ersetzt, während Slicer sie nutzte: {names}.</translation>
  </message>
  <message>
   <source>The extension {name} is installed. Restart Slicer, open this module again and install what is missing.</source>
   <translation>Die Erweiterung {name} ist installiert. Bitte Slicer neu starten, dieses Modul wieder öffnen und das Fehlende installieren.</translation>
  </message>
  <message>
   <source>Registering needs PyTorch, which the extension {name} installs in the build for this computer. The extension is missing: install it here or in the menu View, Extensions Manager, restart Slicer, and open this module again.</source>
   <translation>Das Registrieren braucht PyTorch, das die Erweiterung {name} in der Fassung für diesen Rechner installiert. Die Erweiterung fehlt: Bitte hier oder im Menü View, Extensions Manager, installieren, Slicer neu starten und dieses Modul wieder öffnen.</translation>
  </message>
  <message>
   <source>Registering needs Python packages that Slicer does not have. Before anything is downloaded you are asked, and told how much it is and where it goes.</source>
   <translation>Das Registrieren braucht Python-Pakete, die Slicer nicht hat. Bevor etwas heruntergeladen wird, werden Sie gefragt und erfahren, wie viel es ist und wohin es kommt.</translation>
  </message>
  <message>
   <source>Restart Slicer...</source>
   <translation>Slicer neu starten...</translation>
  </message>
  <message>
   <source>Install the extension {name}...</source>
   <translation>Erweiterung {name} installieren...</translation>
  </message>
  <message>
   <source>Install what is missing...</source>
   <translation>Fehlendes installieren...</translation>
  </message>
  <message>
   <source>Slicer restarts. What is not saved is lost.</source>
   <translation>Slicer startet neu. Was nicht gespeichert ist, geht verloren.</translation>
  </message>
  <message>
   <source>The folder of wheels</source>
   <translation>Der Ordner der Wheels</translation>
  </message>
 </context>
 <context>
  <name>panel.try_section</name>
  <message>
   <source>The images are loaded and chosen. {problem}</source>
   <translation>Die Bilder sind geladen und gewählt. {problem}</translation>
  </message>
  <message>
   <source>The images are loaded and chosen: press Apply.</source>
   <translation>Die Bilder sind geladen und gewählt: Anwenden klicken.</translation>
  </message>
  <message>
   <source>Loading was cancelled; the scene is as it was.</source>
   <translation>Das Laden wurde abgebrochen; die Szene ist, wie sie war.</translation>
  </message>
  <message>
   <source>Loading the images...</source>
   <translation>Die Bilder werden geladen...</translation>
  </message>
 </context>
 <context>
  <name>panel.widget</name>
  <message>
   <source>parameter set</source>
   <translation>Parametersatz</translation>
  </message>
  <message>
   <source>The module is not open.</source>
   <translation>Das Modul ist nicht offen.</translation>
  </message>
  <message>
   <source>The chosen model is not installed.</source>
   <translation>Das gewählte Modell ist nicht installiert.</translation>
  </message>
  <message>
   <source>The chosen model needs whole volumes.</source>
   <translation>Das gewählte Modell braucht ganze Volumen.</translation>
  </message>
  <message>
   <source>The scene was closed; the registration was cancelled.</source>
   <translation>Die Szene wurde geschlossen; die Registrierung wurde abgebrochen.</translation>
  </message>
 </context>
 <context>
  <name>results.apply_transform</name>
  <message>
   <source>nothing to move was selected; select volumes, segmentations or others</source>
   <translation>es wurde nichts zum Bewegen gewählt; bitte Volumen, Segmentierungen oder anderes wählen</translation>
  </message>
  <message>
   <source>{name} has no place in space, a {kind} cannot move</source>
   <translation>{name} hat keinen Ort im Raum, ein {kind} kann sich nicht bewegen</translation>
  </message>
  <message>
   <source>{name} is a transform; combine transforms in the module Transforms instead</source>
   <translation>{name} ist eine Transformation; Transformationen stattdessen im Modul Transforms verketten</translation>
  </message>
  <message>
   <source>{name} is a {kind}, which can be moved but not deformed</source>
   <translation>{name} ist ein {kind}, das bewegt, aber nicht verformt werden kann</translation>
  </message>
 </context>
 <context>
  <name>results.export_transform</name>
  <message>
   <source>no voxel of the fixed volume is moved into the moving one</source>
   <translation>kein Voxel des festen Volumens wird in das bewegte hinein bewegt</translation>
  </message>
 </context>
 <context>
  <name>results.kept_results</name>
  <message>
   <source>there is no result of these volumes that could be kept; register first</source>
   <translation>es gibt kein Ergebnis dieser Volumen, das behalten werden könnte; bitte erst registrieren</translation>
  </message>
  <message>
   <source>name: expected 1 to {longest} characters, got {count}</source>
   <translation>Name: erwartet 1 bis {longest} Zeichen, bekommen {count}</translation>
  </message>
  <message>
   <source>name: a result is already kept as {name!r}; take another one</source>
   <translation>Name: ein Ergebnis ist schon als {name!r} behalten; bitte einen anderen nehmen</translation>
  </message>
 </context>
 <context>
  <name>results.result_nodes</name>
  <message>
   <source>outputs: expected some of {names}, got {output!r}</source>
   <translation>Ausgaben: erwartet einige von {names}, bekommen {output!r}</translation>
  </message>
  <message>
   <source>output {output}: expected a {class_name}, got {node!r}, which is a {kind}; select another node</source>
   <translation>Ausgabe {output}: erwartet {class_name}, bekommen {node!r}, was ein {kind} ist; bitte einen anderen Knoten wählen</translation>
  </message>
  <message>
   <source>output {output}: {node!r} is an input and would be overwritten; select another node</source>
   <translation>Ausgabe {output}: {node!r} ist eine Eingabe und würde überschrieben; bitte einen anderen Knoten wählen</translation>
  </message>
  <message>
   <source>output {output}: {node!r} is already another output; select another node</source>
   <translation>Ausgabe {output}: {node!r} ist schon eine andere Ausgabe; bitte einen anderen Knoten wählen</translation>
  </message>
  <message>
   <source>the {role} {node!r} was removed from the scene before the result was there; nothing was written</source>
   <translation>{role} {node!r} wurde aus der Szene entfernt, bevor das Ergebnis da war; nichts wurde geschrieben</translation>
  </message>
  <message>
   <source>fixed volume</source>
   <translation>das feste Volumen</translation>
  </message>
  <message>
   <source>moving volume</source>
   <translation>das bewegte Volumen</translation>
  </message>
 </context>
 <context>
  <name>results.sequence_results</name>
  <message>
   <source>a sequence needs the results of some frames, and some outputs</source>
   <translation>eine Sequenz braucht die Ergebnisse einiger Bilder und einige Ausgaben</translation>
  </message>
  <message>
   <source>the frames of a sequence need one and the same fixed image</source>
   <translation>die Bilder einer Sequenz brauchen ein und dasselbe feste Bild</translation>
  </message>
  <message>
   <source>fixed volume</source>
   <translation>das feste Volumen</translation>
  </message>
  <message>
   <source>moving volume</source>
   <translation>das bewegte Volumen</translation>
  </message>
 </context>
 <context>
  <name>run.anatomy</name>
  <message>
   <source>background</source>
   <translation>Hintergrund</translation>
  </message>
  <message>
   <source>Background: it guides nothing.</source>
   <translation>Hintergrund: Er führt nichts.</translation>
  </message>
  <message>
   <source>The model knows this region: {name}.</source>
   <translation>Das Modell kennt diese Region: {name}.</translation>
  </message>
  <message>
   <source>new words</source>
   <translation>neue Worte</translation>
  </message>
  <message>
   <source>New to the model, which will go by the words.</source>
   <translation>Dem Modell neu, das sich nach den Worten richten wird.</translation>
  </message>
  <message>
   <source>New to the model, which takes no new words: background.</source>
   <translation>Dem Modell neu, das keine neuen Worte nimmt: Hintergrund.</translation>
  </message>
 </context>
 <context>
  <name>run.belongings</name>
  <message>
   <source>{transform} was found for {moving} and {fixed}, not for these volumes.</source>
   <translation>{transform} wurde für {moving} und {fixed} gefunden, nicht für diese Volumen.</translation>
  </message>
  <message>
   <source>{node} holds a result of other volumes, which will be replaced.</source>
   <translation>{node} enthält ein Ergebnis anderer Volumen, das ersetzt werden wird.</translation>
  </message>
  <message>
   <source>{labels} was drawn on {owner}, not on {volume}.</source>
   <translation>{labels} wurde auf {owner} gezeichnet, nicht auf {volume}.</translation>
  </message>
  <message>
   <source>Most of {labels} lies outside of {volume}.</source>
   <translation>Das meiste von {labels} liegt außerhalb von {volume}.</translation>
  </message>
 </context>
 <context>
  <name>run.choices</name>
  <message>
   <source>Whole volumes</source>
   <translation>Ganze Volumen</translation>
  </message>
  <message>
   <source>The slice shown in a view</source>
   <translation>Die Schicht, die eine Ansicht zeigt</translation>
  </message>
  <message>
   <source>A range of slices, one by one</source>
   <translation>Eine Reihe von Schichten, einzeln</translation>
  </message>
  <message>
   <source>All frames of a sequence</source>
   <translation>Alle Bilder einer Sequenz</translation>
  </message>
  <message>
   <source>Axial</source>
   <translation>Axial</translation>
  </message>
  <message>
   <source>Coronal</source>
   <translation>Koronal</translation>
  </message>
  <message>
   <source>Sagittal</source>
   <translation>Sagittal</translation>
  </message>
  <message>
   <source>Automatic</source>
   <translation>Automatisch</translation>
  </message>
  <message>
   <source>The fixed labels below</source>
   <translation>Die festen Labels unten</translation>
  </message>
  <message>
   <source>A segmentation by the model</source>
   <translation>Eine Segmentierung des Modells</translation>
  </message>
  <message>
   <source>Nothing</source>
   <translation>Nichts</translation>
  </message>
  <message>
   <source>None: they lie well already</source>
   <translation>Keine: Sie liegen schon gut</translation>
  </message>
  <message>
   <source>Centres of mass</source>
   <translation>Schwerpunkte</translation>
  </message>
  <message>
   <source>Rigid</source>
   <translation>Starr</translation>
  </message>
  <message>
   <source>Affine</source>
   <translation>Affin</translation>
  </message>
  <message>
   <source>The images</source>
   <translation>Die Bilder</translation>
  </message>
  <message>
   <source>The labels alone</source>
   <translation>Nur die Labels</translation>
  </message>
  <message>
   <source>The images and the labels</source>
   <translation>Die Bilder und die Labels</translation>
  </message>
  <message>
   <source>Measure only</source>
   <translation>Nur messen</translation>
  </message>
  <message>
   <source>Hold together</source>
   <translation>Zusammenhalten</translation>
  </message>
  <message>
   <source>Thin-plate warp first</source>
   <translation>Erst Thin-Plate-Verformung</translation>
  </message>
  <message>
   <source>Warp first, then hold</source>
   <translation>Erst verformen, dann halten</translation>
  </message>
  <message>
   <source>Processor (CPU)</source>
   <translation>Prozessor (CPU)</translation>
  </message>
  <message>
   <source>NVIDIA or AMD graphics card (CUDA)</source>
   <translation>Grafikkarte von NVIDIA oder AMD (CUDA)</translation>
  </message>
  <message>
   <source>Apple graphics card (MPS)</source>
   <translation>Grafikkarte von Apple (MPS)</translation>
  </message>
  <message>
   <source>As the model recommends</source>
   <translation>Wie das Modell empfiehlt</translation>
  </message>
  <message>
   <source>On</source>
   <translation>Ein</translation>
  </message>
  <message>
   <source>Off</source>
   <translation>Aus</translation>
  </message>
  <message>
   <source>Mean squares (equal intensities)</source>
   <translation>Mittlere Quadrate (gleiche Intensitäten)</translation>
  </message>
  <message>
   <source>Local correlation (one modality)</source>
   <translation>Lokale Korrelation (eine Modalität)</translation>
  </message>
  <message>
   <source>MIND (different modalities)</source>
   <translation>MIND (verschiedene Modalitäten)</translation>
  </message>
  <message>
   <source>MIND, then local correlation</source>
   <translation>MIND, dann lokale Korrelation</translation>
  </message>
  <message>
   <source>Yes</source>
   <translation>Ja</translation>
  </message>
  <message>
   <source>No</source>
   <translation>Nein</translation>
  </message>
 </context>
 <context>
  <name>run.cohort_run</name>
  <message>
   <source>the command cannot be started: {error}</source>
   <translation>der Befehl kann nicht gestartet werden: {error}</translation>
  </message>
 </context>
 <context>
  <name>run.plan</name>
  <message>
   <source>Select a fixed and a moving volume.</source>
   <translation>Festes und bewegtes Volumen wählen.</translation>
  </message>
  <message>
   <source>Select a moving volume.</source>
   <translation>Bitte ein bewegtes Volumen wählen.</translation>
  </message>
  <message>
   <source>Select a fixed volume.</source>
   <translation>Bitte ein festes Volumen wählen.</translation>
  </message>
  <message>
   <source>{name} is no longer in the scene.</source>
   <translation>{name} ist nicht mehr in der Szene.</translation>
  </message>
  <message>
   <source>Nothing to do: select a model.</source>
   <translation>Nichts zu tun: Bitte ein Modell wählen.</translation>
  </message>
  <message>
   <source>Select the fixed labels.</source>
   <translation>Bitte die festen Labels wählen.</translation>
  </message>
  <message>
   <source>Select an output.</source>
   <translation>Bitte eine Ausgabe wählen.</translation>
  </message>
  <message>
   <source>select a fixed and a moving volume</source>
   <translation>bitte ein festes und ein bewegtes Volumen wählen</translation>
  </message>
  <message>
   <source>Fixed and moving volume are the same.</source>
   <translation>Festes und bewegtes Volumen sind dasselbe.</translation>
  </message>
  <message>
   <source>The last slice comes before the first one.</source>
   <translation>Die letzte Schicht kommt vor der ersten.</translation>
  </message>
  <message>
   <source>The fixed volume is one slice only; register the whole volumes.</source>
   <translation>Das feste Volumen ist nur eine Schicht; bitte die ganzen Volumen registrieren.</translation>
  </message>
  <message>
   <source>The fixed volume has slices 0 to {last}.</source>
   <translation>Das feste Volumen hat die Schichten 0 bis {last}.</translation>
  </message>
  <message>
   <source>{labels} lies outside of {volume}; select another one, or None.</source>
   <translation>{labels} liegt außerhalb von {volume}; bitte etwas anderes wählen oder Keine.</translation>
  </message>
  <message>
   <source>moving</source>
   <translation>bewegten</translation>
  </message>
  <message>
   <source>fixed</source>
   <translation>festen</translation>
  </message>
  <message>
   <source>Select the {role} landmarks, too, or none.</source>
   <translation>Bitte auch die {role} Landmarken wählen oder keine.</translation>
  </message>
  <message>
   <source>Fixed and moving landmarks are the same list.</source>
   <translation>Feste und bewegte Landmarken sind dieselbe Liste.</translation>
  </message>
  <message>
   <source>Landmarks are of two images, not of frames: select None.</source>
   <translation>Landmarken gehören zu zwei Bildern, nicht zu Sequenzen: Bitte Keine wählen.</translation>
  </message>
  <message>
   <source>{name} has no points yet.</source>
   <translation>{name} hat noch keine Punkte.</translation>
  </message>
  <message>
   <source>The moving volume is no sequence.</source>
   <translation>Das bewegte Volumen ist keine Sequenz.</translation>
  </message>
  <message>
   <source>The sequence has one frame only.</source>
   <translation>Die Sequenz hat nur ein Bild.</translation>
  </message>
  <message>
   <source>Select an output that sequences have.</source>
   <translation>Bitte eine Ausgabe wählen, die Sequenzen haben.</translation>
  </message>
  <message>
   <source>the moving volume shows no sequence; select one that does</source>
   <translation>das bewegte Volumen zeigt keine Sequenz; bitte eines wählen, das es tut</translation>
  </message>
 </context>
 <context>
  <name>run.preset_choices</name>
  <message>
   <source>the preset has settings that the panel has no control for: {names}; use it in the shell, or take them out</source>
   <translation>die Vorgabe hat Einstellungen, für die es hier kein Bedienelement gibt: {names}; in der Shell verwenden, oder entfernen</translation>
  </message>
 </context>
 <context>
  <name>run.register_nodes</name>
  <message>
   <source>expected one of view, slices and referenceFrame, got {chosen}</source>
   <translation>erwartet eines von view, slices und referenceFrame, bekommen {chosen}</translation>
  </message>
  <message>
   <source>segmentation: expected a node or 'auto', got {segmentation!r}</source>
   <translation>segmentation: erwartet einen Knoten oder 'auto', bekommen {segmentation!r}</translation>
  </message>
 </context>
 <context>
  <name>run.run</name>
  <message>
   <source>The scene was closed; the registration was cancelled, and nothing was written.</source>
   <translation>Die Szene wurde geschlossen; die Registrierung wurde abgebrochen, und nichts wurde geschrieben.</translation>
  </message>
  <message>
   <source>{name} was removed from the scene; the registration was cancelled, and nothing was written.</source>
   <translation>{name} wurde aus der Szene entfernt; die Registrierung wurde abgebrochen, und nichts wurde geschrieben.</translation>
  </message>
  <message>
   <source>frame {frame}, {done} of {count}</source>
   <translation>Bild {frame}, {done} von {count}</translation>
  </message>
 </context>
 <context>
  <name>run.session</name>
  <message>
   <source>A registration is running; wait for its end, or cancel it.</source>
   <translation>Eine Registrierung läuft; bitte ihr Ende abwarten oder sie abbrechen.</translation>
  </message>
  <message>
   <source>The registration was cancelled; the scene is as it was.</source>
   <translation>Die Registrierung wurde abgebrochen; die Szene ist, wie sie war.</translation>
  </message>
 </context>
 <context>
  <name>scene.cohort_pairs</name>
  <message>
   <source>the scene has less than two volumes; load those to register</source>
   <translation>die Szene hat weniger als zwei Volumen; bitte die zu registrierenden laden</translation>
  </message>
  <message>
   <source>{folder} cannot be written to ({error})</source>
   <translation>in {folder} kann nicht geschrieben werden ({error})</translation>
  </message>
  <message>
   <source>{path} is not there any more; register the pair again</source>
   <translation>{path} ist nicht mehr da; bitte das Paar noch einmal registrieren</translation>
  </message>
  <message>
   <source>{path} cannot be loaded ({error})</source>
   <translation>{path} kann nicht geladen werden ({error})</translation>
  </message>
 </context>
 <context>
  <name>scene.coordinates</name>
  <message>
   <source>{name}: expected voxels with a size, got the spacing {spacing}</source>
   <translation>{name}: erwartet Voxel mit einer Größe, bekommen die Abstände {spacing}</translation>
  </message>
  <message>
   <source>{name}: expected voxel axes at right angles, got sheared ones (a tilted gantry or an affine transform); resample it first, with the module Crop Volume or Resample Image</source>
   <translation>{name}: erwartet rechtwinklige Voxelachsen, bekommen schiefe (eine gekippte Gantry oder eine affine Transformation); bitte erst neu abtasten, mit dem Modul Crop Volume oder Resample Image</translation>
  </message>
 </context>
 <context>
  <name>scene.frames</name>
  <message>
   <source>frame: expected 0 to {last} of {name!r}, got {number}</source>
   <translation>Bild: erwartet 0 bis {last} von {name!r}, bekommen {number}</translation>
  </message>
 </context>
 <context>
  <name>scene.label_images</name>
  <message>
   <source>{labels}, as an image</source>
   <translation>{labels}, als Bild</translation>
  </message>
  <message>
   <source>the segmentation {labels!r} has no voxels, only surfaces or nothing at all: select the fixed and the moving volume, too</source>
   <translation>die Segmentierung {labels!r} hat keine Voxel, nur Oberflächen oder gar nichts: auch das feste und das bewegte Volumen wählen</translation>
  </message>
 </context>
 <context>
  <name>scene.labels</name>
  <message>
   <source>the volume {node!r} holds colours, not labels</source>
   <translation>das Volumen {node!r} enthält Farben, keine Labels</translation>
  </message>
  <message>
   <source>the segmentation {node!r} has no segments; select another one</source>
   <translation>die Segmentierung {node!r} hat keine Segmente; bitte eine andere wählen</translation>
  </message>
  <message>
   <source>the segments {first!r} and {second!r} of {name!r} overlap in {count} voxels; leave one of them out</source>
   <translation>die Segmente {first!r} und {second!r} von {name!r} überlappen in {count} Voxeln; bitte eines davon auslassen</translation>
  </message>
 </context>
 <context>
  <name>scene.landmarks</name>
  <message>
   <source>{node!r} has no points; place some, or select None</source>
   <translation>{node!r} hat keine Punkte; bitte welche setzen oder Keine wählen</translation>
  </message>
  <message>
   <source>landmarks: none of the points lies in the slice that is registered</source>
   <translation>Landmarken: Keiner der Punkte liegt in der Schicht, die registriert wird</translation>
  </message>
 </context>
 <context>
  <name>scene.sample_data</name>
  <message>
   <source>the sample data in {folder} cannot be loaded ({reason}); reinstall LDMReg</source>
   <translation>die Beispieldaten in {folder} können nicht geladen werden ({reason}); bitte LDMReg neu installieren</translation>
  </message>
  <message>
   <source>sample pair: expected one of {names}, got {kind!r}</source>
   <translation>Beispielpaar: erwartet eines von {names}, bekommen {kind!r}</translation>
  </message>
  <message>
   <source>files of the sample data are missing in {folder}: {names}; reinstall LDMReg</source>
   <translation>Dateien der Beispieldaten fehlen in {folder}: {names}; bitte LDMReg neu installieren</translation>
  </message>
  <message>
   <source>The scene has changed; the sample was not loaded.</source>
   <translation>Die Szene hat sich geändert; das Beispiel wurde nicht geladen.</translation>
  </message>
  <message>
   <source>Labels of {volume}</source>
   <translation>Labels von {volume}</translation>
  </message>
 </context>
 <context>
  <name>scene.scene_images</name>
  <message>
   <source>the fixed and the moving volume are both {name!r}; select two volumes</source>
   <translation>das feste und das bewegte Volumen sind beide {name!r}; bitte zwei Volumen wählen</translation>
  </message>
  <message>
   <source>no label of {labels!r} lies inside of {volume!r}; select labels of this volume</source>
   <translation>kein Label von {labels!r} liegt innerhalb von {volume!r}; bitte Labels dieses Volumens wählen</translation>
  </message>
  <message>
   <source>the slice shown in {view!r}</source>
   <translation>die in {view!r} gezeigte Schicht</translation>
  </message>
  <message>
   <source>the plane of {name!r}</source>
   <translation>die Ebene von {name!r}</translation>
  </message>
 </context>
 <context>
  <name>scene.segment_layers</name>
  <message>
   <source>the segment {segment!r} of {node!r} cannot be made into a label map; convert it in the module Segmentations</source>
   <translation>das Segment {segment!r} von {node!r} kann keine Labelkarte werden; bitte im Modul Segmentations umwandeln</translation>
  </message>
  <message>
   <source>segmentation {name!r}</source>
   <translation>Segmentierung {name!r}</translation>
  </message>
 </context>
 <context>
  <name>scene.transform_nodes</name>
  <message>
   <source>the transform {node!r} cannot hold a displacement field, it is a {kind}; select another one or create a new one</source>
   <translation>die Transformation {node!r} kann kein Verschiebungsfeld enthalten, sie ist ein {kind}; bitte eine andere wählen oder eine neue anlegen</translation>
  </message>
 </context>
 <context>
  <name>scene.view_slices</name>
  <message>
   <source>slice view: expected one of {views}, got {name!r}</source>
   <translation>Schichtansicht: erwartet eine von {views}, bekommen {name!r}</translation>
  </message>
  <message>
   <source>{where} lies outside of the volume; choose one that crosses it</source>
   <translation>{where} liegt außerhalb des Volumens; bitte eine wählen, die es schneidet</translation>
  </message>
 </context>
 <context>
  <name>scene.volume_nodes</name>
  <message>
   <source>{node!r} is under the transform {parent!r}, which is not linear; set its transform to None, or harden it, in the module Transforms</source>
   <translation>{node!r} liegt unter der Transformation {parent!r}, die nicht linear ist; bitte im Modul Transforms herausnehmen oder einbrennen</translation>
  </message>
  <message>
   <source>the volume</source>
   <translation>das Volumen</translation>
  </message>
  <message>
   <source>the volume {node!r}</source>
   <translation>das Volumen {node!r}</translation>
  </message>
  <message>
   <source>{name} has no voxels; select another one or load it again</source>
   <translation>{name} hat keine Voxel; bitte ein anderes wählen oder neu laden</translation>
  </message>
  <message>
   <source>volume {node!r}</source>
   <translation>Volumen {node!r}</translation>
  </message>
  <message>
   <source>the volume {node!r} has no scalar voxels; select another one</source>
   <translation>das Volumen {node!r} hat keine skalaren Voxel; bitte ein anderes wählen</translation>
  </message>
 </context>
 <context>
  <name>setup.dependencies</name>
  <message>
   <source>For Macs with Intel processors PyTorch ends at version 2.2.2, and registering needs {wanted}: it cannot be installed here, and nothing is downloaded. On a Mac with an Apple processor, install the Slicer for it; else use Windows or Linux.</source>
   <translation>Für Macs mit Intel-Prozessor endet PyTorch bei Version 2.2.2, und das Registrieren braucht {wanted}: Es kann hier nicht installiert werden, und nichts wird heruntergeladen. Auf einem Mac mit Apple-Prozessor bitte das Slicer dafür installieren; sonst Windows oder Linux nutzen.</translation>
  </message>
  <message>
   <source>Python packages are missing: {packages}. Open the module LDM Registration and install them in its section Setup.</source>
   <translation>Python-Pakete fehlen: {packages}. Bitte das Modul LDM-Registrierung öffnen und sie im Abschnitt Einrichtung installieren.</translation>
  </message>
 </context>
 <context>
  <name>setup.installation</name>
  <message>
   <source>Install Python packages</source>
   <translation>Python-Pakete installieren</translation>
  </message>
  <message>
   <source>Installing PyTorch. Slicer hardly responds for some minutes; what happens is in the Python console (menu View).</source>
   <translation>PyTorch wird installiert. Slicer reagiert einige Minuten kaum; was geschieht, steht in der Python-Konsole (Menü View).</translation>
  </message>
  <message>
   <source>The extension {name} is downloaded from Slicer's extensions server and installed. Slicer has to be restarted afterwards. Continue?</source>
   <translation>Die Erweiterung {name} wird vom Erweiterungsserver von Slicer heruntergeladen und installiert. Danach muss Slicer neu gestartet werden. Fortfahren?</translation>
  </message>
  <message>
   <source>Install an extension</source>
   <translation>Eine Erweiterung installieren</translation>
  </message>
  <message>
   <source>Installing the extension {name}.</source>
   <translation>Die Erweiterung {name} wird installiert.</translation>
  </message>
  <message>
   <source>The extension {name} could not be installed. Check the connection to the Internet, or install it in the Extensions Manager (menu View).</source>
   <translation>Die Erweiterung {name} konnte nicht installiert werden. Bitte die Verbindung zum Internet prüfen oder sie im Extensions Manager (Menü View) installieren.</translation>
  </message>
  <message>
   <source>PyTorch could not be installed. What was tried is in the Python console (menu View). Check the connection to the Internet and the room on the disk and install again, or install PyTorch in the module PyTorch Utils, where another build can be chosen. {problem}</source>
   <translation>PyTorch konnte nicht installiert werden. Was versucht wurde, steht in der Python-Konsole (Menü View). Bitte die Verbindung zum Internet und den Platz auf der Platte prüfen und noch einmal installieren, oder PyTorch im Modul PyTorch Utils installieren, wo eine andere Fassung gewählt werden kann. {problem}</translation>
  </message>
  <message>
   <source>pip could not install the packages (exit code {code}). Its output is in the Python console (menu View). Check the connection to the Internet and the room on the disk and install again.</source>
   <translation>pip konnte die Pakete nicht installieren (Code {code}). Seine Ausgabe steht in der Python-Konsole (Menü View). Bitte die Verbindung zum Internet und den Platz auf der Platte prüfen und noch einmal installieren.</translation>
  </message>
  <message>
   <source>The extension {name} has to be installed first.</source>
   <translation>Zuerst muss die Erweiterung {name} installiert werden.</translation>
  </message>
  <message>
   <source>Another module is installing packages. Wait for its end and install again.</source>
   <translation>Ein anderes Modul installiert gerade Pakete. Bitte dessen Ende abwarten und noch einmal installieren.</translation>
  </message>
  <message>
   <source>{folder} lacks wheels for this computer: {names}. Nothing was installed. On a computer with Internet, run: {command}</source>
   <translation>In {folder} fehlen Wheels für diesen Rechner: {names}. Nichts wurde installiert. Auf einem Rechner mit Internet ausführen: {command}</translation>
  </message>
  <message>
   <source>Installing packages. This takes a minute or two.</source>
   <translation>Pakete werden installiert. Das dauert ein bis zwei Minuten.</translation>
  </message>
  <message>
   <source>Nothing is installed while Slicer runs tests.</source>
   <translation>Während Slicer Tests ausführt, wird nichts installiert.</translation>
  </message>
 </context>
 <context>
  <name>setup.installation_check</name>
  <message>
   <source>Python packages are missing or too old: {names}. See the section Setup.</source>
   <translation>Python-Pakete fehlen oder sind zu alt: {names}. Siehe Abschnitt Einrichtung.</translation>
  </message>
  <message>
   <source>missing</source>
   <translation>fehlt</translation>
  </message>
 </context>
 <context>
  <name>setup.installation_texts</name>
  <message>
   <source>Registering needs Python packages that Slicer does not have: {names}.</source>
   <translation>Das Registrieren braucht Python-Pakete, die Slicer nicht hat: {names}.</translation>
  </message>
  <message>
   <source>torch {old} is replaced by a newer version, for all modules.</source>
   <translation>torch {old} wird durch eine neuere Version ersetzt, für alle Module.</translation>
  </message>
  <message>
   <source>PyTorch is a download of about 0.2 GB, with an NVIDIA GPU of about 3 GB, and takes up to 7 GB on the disk. Slicer hardly responds while it is installed, for some minutes.</source>
   <translation>PyTorch ist ein Download von etwa 0,2 GB, mit einer NVIDIA-Grafikkarte von etwa 3 GB, und braucht bis zu 7 GB auf der Platte. Slicer reagiert während der Installation einige Minuten kaum.</translation>
  </message>
  <message>
   <source>The packages beside PyTorch are a download of about 20 MB.</source>
   <translation>Die Pakete außer PyTorch sind ein Download von etwa 20 MB.</translation>
  </message>
  <message>
   <source>The text encoder for new names of structures is a download of about 100 MB.</source>
   <translation>Der Textkodierer für neue Namen von Strukturen ist ein Download von etwa 100 MB.</translation>
  </message>
  <message>
   <source>The download goes through the proxy {proxy}.</source>
   <translation>Der Download geht durch den Proxy {proxy}.</translation>
  </message>
  <message>
   <source>Install them now?</source>
   <translation>Jetzt installieren?</translation>
  </message>
  <message>
   <source>These packages are installed from {folder}, and nothing is downloaded: {names}.</source>
   <translation>Diese Pakete werden aus {folder} installiert, und nichts wird heruntergeladen: {names}.</translation>
  </message>
  <message>
   <source>They are installed into Slicer's Python, {folder}. The packages that Slicer ships are not changed.</source>
   <translation>Sie werden in das Python von Slicer installiert, {folder}. Die Pakete, die Slicer mitbringt, werden nicht geändert.</translation>
  </message>
  <message>
   <source>{name} {old} is replaced by a newer version, for all modules.</source>
   <translation>{name} {old} wird durch eine neuere Version ersetzt, für alle Module.</translation>
  </message>
  <message>
   <source>These packages of other extensions ask for an older {name}, and may work no more: {packages}.</source>
   <translation>Diese Pakete anderer Erweiterungen verlangen ein älteres {name} und arbeiten dann vielleicht nicht mehr: {packages}.</translation>
  </message>
  <message>
   <source>pip could not install the packages. Its output is below and in Slicer's log.</source>
   <translation>pip konnte die Pakete nicht installieren. Seine Ausgabe steht unten und im Protokoll von Slicer.</translation>
  </message>
  <message>
   <source>The disk is full: make room in {folder} and install again.</source>
   <translation>Die Platte ist voll: Bitte in {folder} Platz machen und noch einmal installieren.</translation>
  </message>
  <message>
   <source>The certificate of the package server cannot be checked. If your network inspects connections, let the environment variable PIP_CERT name the file with its certificates, restart Slicer and install again.</source>
   <translation>Das Zertifikat des Paketservers kann nicht geprüft werden. Wenn Ihr Netz Verbindungen überwacht, soll die Umgebungsvariable PIP_CERT die Datei mit dessen Zertifikaten nennen; danach Slicer neu starten und noch einmal installieren.</translation>
  </message>
  <message>
   <source>The package server cannot be reached. Check the connection to the Internet; if it goes through a proxy, set the environment variable HTTPS_PROXY, restart Slicer and install again. Without a connection, copy the wheels of the packages below into a folder and run: PythonSlicer -m pip install --no-index --find-links FOLDER -r {file}</source>
   <translation>Der Paketserver ist nicht erreichbar. Bitte die Verbindung zum Internet prüfen; geht sie durch einen Proxy, die Umgebungsvariable HTTPS_PROXY setzen, Slicer neu starten und noch einmal installieren. Ohne Verbindung die Wheels der Pakete unten in einen Ordner kopieren und ausführen: PythonSlicer -m pip install --no-index --find-links FOLDER -r {file}</translation>
  </message>
  <message>
   <source>Files cannot be written to {folder}: they are in use, or the folder is not yours. Restart Slicer and install before you use other modules; if that does not help, install Slicer into a folder that you may write to.</source>
   <translation>In {folder} können keine Dateien geschrieben werden: Sie sind in Gebrauch, oder der Ordner gehört Ihnen nicht. Bitte Slicer neu starten und installieren, bevor Sie andere Module nutzen; hilft das nicht, Slicer in einen Ordner installieren, in den Sie schreiben dürfen.</translation>
  </message>
  <message>
   <source>No version of the packages fits those that are installed, which Slicer and other extensions need. Nothing was changed. Update Slicer and its extensions and install again.</source>
   <translation>Keine Version der Pakete passt zu den installierten, die Slicer und andere Erweiterungen brauchen. Nichts wurde geändert. Bitte Slicer und seine Erweiterungen aktualisieren und noch einmal installieren.</translation>
  </message>
 </context>
 <context>
  <name>setup.model_download</name>
  <message>
   <source>{folder} cannot be made: {reason}</source>
   <translation>{folder} kann nicht angelegt werden: {reason}</translation>
  </message>
 </context>
 <context>
  <name>setup.wheel_folder</name>
  <message>
   <source>{folder} cannot be read ({reason})</source>
   <translation>{folder} kann nicht gelesen werden ({reason})</translation>
  </message>
  <message>
   <source>{folder} has no wheels for this computer, of {count} wheels in all; on a computer with Internet, run: {command}</source>
   <translation>{folder} hat keine Wheels für diesen Rechner, von {count} Wheels insgesamt; auf einem Rechner mit Internet ausführen: {command}</translation>
  </message>
  <message>
   <source>{file} is damaged; download it again</source>
   <translation>{file} ist beschädigt; bitte noch einmal herunterladen</translation>
  </message>
 </context>
</TS>
