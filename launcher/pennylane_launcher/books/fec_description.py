"""The description that article A47 A-1, XI, wants beside a FEC, in French for its reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

FIELDS = (
    ("JournalCode", "alphanumérique", "code du journal (liste ci-dessous)"),
    ("JournalLib", "alphanumérique", "libellé du journal"),
    ("EcritureNum", "alphanumérique", "numéro de l'écriture, sur une séquence continue"),
    ("EcritureDate", "date", "date de comptabilisation"),
    ("CompteNum", "alphanumérique", "numéro de compte du plan comptable"),
    ("CompteLib", "alphanumérique", "libellé du compte"),
    ("CompAuxNum", "alphanumérique", "numéro de compte auxiliaire du client ou du fournisseur"),
    ("CompAuxLib", "alphanumérique", "libellé du compte auxiliaire"),
    ("PieceRef", "alphanumérique", "référence de la pièce justificative"),
    ("PieceDate", "date", "date de la pièce justificative"),
    ("EcritureLib", "alphanumérique", "libellé de l'écriture"),
    ("Debit", "numérique", "montant au débit, en euros"),
    ("Credit", "numérique", "montant au crédit, en euros"),
    ("EcritureLet", "alphanumérique", "code de lettrage"),
    ("DateLet", "date", "date de lettrage"),
    ("ValidDate", "date", "date de validation de l'écriture"),
    ("Montantdevise", "numérique", "montant en devise"),
    ("Idevise", "alphanumérique", "identifiant de la devise"),
)
FROM_THE_LINES = """\
Origine : lignes d'écriture du logiciel Pennylane, lues par son API.

- EcritureNum : numéro attribué au premier établissement du fichier, et conservé depuis ; les
  écritures de reprise des soldes (à-nouveaux) d'abord, puis par date. Une écriture arrivée plus
  tard reçoit le numéro suivant.
- CompteNum : pour le compte d'un client ou d'un fournisseur, ses trois premiers chiffres ; le
  compte lui-même est dans CompAuxNum.
- PieceRef : numéro de la facture, à défaut numéro de pièce, à défaut EcritureNum.
- PieceDate : date de l'écriture, seule connue.
- EcritureLet : « L » suivi de l'identifiant de la première des lignes lettrées ensemble.
- DateLet : date de la plus récente des lignes lettrées ensemble.
- ValidDate : date de l'écriture si elle est validée ou si l'exercice est clos ; vide sinon.
- Montantdevise, Idevise : non utilisés.
- Ne figurent pas : les brouillons, les écritures archivées, et les écritures de solde des comptes
  de charges et de produits.
"""
FROM_PENNYLANE = """\
Origine : ce fichier reprend, ligne par ligne, le fichier des écritures comptables établi par le
logiciel Pennylane.
"""


@dataclass(frozen=True)
class Described:
    """What the description says about one file."""

    name: str
    company: str
    siren: str
    start: date
    end: date
    lines: int
    entries: int
    longest: int
    line_end: str
    journals: Mapping[str, str]
    is_pennylanes: bool


def text(file: Described) -> str:
    """Write the description."""
    journals = "\n".join(f"  {code} : {label}" for code, label in sorted(file.journals.items()))
    fields = "\n".join(
        f"  {place:>2}. {name:<13}  {nature:<14}  {meaning}"
        for place, (name, nature, meaning) in enumerate(FIELDS, 1)
    )
    return f"""\
Description du fichier {file.name}
(article A47 A-1, XI, du Livre des procédures fiscales)

Entreprise : {file.company}, SIREN {file.siren}
Exercice : du {file.start:%d/%m/%Y} au {file.end:%d/%m/%Y}
Contenu : {file.lines} lignes, {file.entries} écritures

1. Nom, nature et signification des zones
{fields}

2. Signification des codes
Journaux :
{journals}

{FROM_PENNYLANE if file.is_pennylanes else FROM_THE_LINES}
3. Informations techniques
Fichier à plat, à organisation séquentielle. La première ligne porte le nom des zones.
Jeu de caractères : UTF-8.
Structure : un seul type d'enregistrement, de longueur variable ({file.longest} octets au plus).
Séparateur de zones : tabulation. Séparateur d'enregistrements : {file.line_end}.
Dates : AAAAMMJJ. Montants : virgule décimale, sans séparateur de milliers.
Zone vide : non utilisée.
"""
