"""The words and codes in the made-up company's books."""

from typing import Final

FIRST_NAMES: Final = (
    "Élodie", "Jérôme", "Camille", "Anaïs", "Loïc", "Maëlle", "François", "Hélène", "Noémie",
    "Rémi", "Zoé", "Gaëtan", "Inès", "Théo", "Chloé", "Léa", "Mathieu", "Agnès", "Benoît", "Solène",
)  # fmt: skip
LAST_NAMES: Final = (
    "Lefèvre", "Müller", "N'Guyen", "Béranger", "Dubois", "Garçon", "Le Goff", "Châtelain",
    "Fontaine", "Ménard", "Rousseau", "Vasseur", "Hénault", "Perrin", "d'Arc", "Boulanger",
    "Çelik", "Moreau", "Guérin", "Lemaître",
)  # fmt: skip
COMPANY_STEMS: Final = (
    "Boulangerie du Marché", "Atelier Béton", "Menuiserie Hélias", "Librairie Æther", "Cœur & Fils",
    "Transports Noël", "Garage de l'Étoile", "Pâtisserie Sucré-Salé", "Électricité Générale",
    "Fromagerie d'Été", "Imprimerie Nouvelle", "Cabinet Légal", "Pharmacie Centrale",
    "Studio Çà et Là", "Plomberie Express", "Conseil & Stratégie", "Domaine des Vignes",
    "Agence Média", "Clinique Véto", "Hôtel de la Plage",
)  # fmt: skip
LEGAL_FORMS: Final = ("SARL", "SAS", "SA", "SCI", "EURL", "& Cie", "SNC")
CITIES: Final = (
    ("75002", "Paris"), ("69003", "Lyon"), ("13001", "Marseille"), ("44000", "Nantes"),
    ("31000", "Toulouse"), ("67000", "Strasbourg"), ("29200", "Brest"), ("06000", "Nice"),
    ("97400", "Saint-Denis"), ("63000", "Clermont-Ferrand"), ("42000", "Saint-Étienne"),
)  # fmt: skip
STREETS: Final = (
    "rue de l'Église", "avenue du Général-de-Gaulle", "boulevard Voltaire", "place de la Gare",
    "quai des Brumes", "impasse des Lilas", "chemin du Pré-Vert", "allée Édith-Piaf",
)  # fmt: skip
PRODUCTS: Final = (
    "Conseil", "Abonnement mensuel", "Formation d'une journée", "Maintenance annuelle",
    "Clavier français", "Écran 27 pouces", "Café en grains 1 kg", "Location de matériel",
    "Développement spécifique", "Pièce détachée n° 7", "Livre « Comptabilité »", "Frais de port",
)  # fmt: skip
PURCHASES: Final = (
    ("606300", "Fournitures d'entretien et de petit équipement"),
    ("613200", "Locations immobilières"),
    ("622600", "Honoraires"),
    ("626000", "Frais postaux et de télécommunications"),
    ("607000", "Achats de marchandises"),
    ("625100", "Voyages et déplacements"),
    ("623000", "Publicité, publications, relations publiques"),
    ("616000", "Primes d'assurance"),
)
ASSETS: Final = ("218300", "Matériel informatique")
# number, label, VAT code, type of account, whether its lines are lettered
CHART: Final = (
    ("101000", "Capital social", "any", "custom", False),
    ("110000", "Report à nouveau (solde créditeur)", "any", "custom", False),
    ("119000", "Report à nouveau (solde débiteur)", "any", "custom", False),
    ("120000", "Résultat de l'exercice (bénéfice)", "any", "custom", False),
    ("129000", "Résultat de l'exercice (perte)", "any", "custom", False),
    ("108000", "Compte de l'exploitant", "any", "custom", False),
    ("164000", "Emprunts auprès des établissements de crédit", "any", "custom", False),
    ("218300", "Matériel de bureau et matériel informatique", "FR_200", "asset", False),
    ("281830", "Amortissements du matériel informatique", "any", "asset", False),
    ("408100", "Fournisseurs - factures non parvenues", "any", "custom", False),
    ("421000", "Personnel - rémunérations dues", "any", "employee", True),
    ("431000", "Sécurité sociale", "any", "custom", True),
    ("437000", "Autres organismes sociaux", "any", "custom", True),
    ("445510", "TVA à décaisser", "any", "vat", False),
    ("445620", "TVA déductible sur immobilisations", "any", "vat", False),
    ("445660", "TVA déductible sur autres biens et services", "any", "vat", False),
    ("445670", "Crédit de TVA à reporter", "any", "vat", False),
    ("445710", "TVA collectée", "any", "vat", False),
    ("467000", "Autres comptes débiteurs ou créditeurs", "any", "custom", True),
    ("471000", "Compte d'attente", "any", "custom", True),
    ("530000", "Caisse", "any", "custom", False),
    ("580000", "Virements internes", "any", "custom", True),
    ("606300", "Fournitures d'entretien et de petit équipement", "FR_200", "charge", False),
    ("607000", "Achats de marchandises", "FR_200", "charge", False),
    ("613200", "Locations immobilières", "FR_200", "charge", False),
    ("616000", "Primes d'assurance", "exempt", "charge", False),
    ("622600", "Honoraires", "FR_200", "charge", False),
    ("623000", "Publicité, publications, relations publiques", "FR_200", "charge", False),
    ("625100", "Voyages et déplacements", "FR_100", "charge", False),
    ("626000", "Frais postaux et de télécommunications", "FR_200", "charge", False),
    ("627000", "Services bancaires et assimilés", "exempt", "charge", False),
    ("641000", "Rémunérations du personnel", "any", "charge", False),
    ("645000", "Charges de sécurité sociale et de prévoyance", "any", "charge", False),
    ("658000", "Charges diverses de gestion courante", "any", "charge", False),
    ("661100", "Intérêts des emprunts et dettes", "any", "charge", False),
    ("666000", "Pertes de change financières", "any", "charge", False),
    ("681100", "Dotations aux amortissements", "any", "charge", False),
    ("701000", "Ventes de produits finis", "FR_55", "product", False),
    ("706000", "Prestations de services", "FR_200", "product", False),
    ("707000", "Ventes de marchandises", "FR_15_385", "product", False),
    ("708500", "Ports et frais accessoires facturés", "extracom", "product", False),
    ("758000", "Produits divers de gestion courante", "crossborder", "product", False),
    ("766000", "Gains de change financiers", "any", "product", False),
    ("768000", "Autres produits financiers", "any", "product", False),
)
# code, label, type
JOURNALS: Final = (
    ("VT", "Ventes", "sales"),
    ("AC", "Achats", "purchases"),
    ("BQ", "Banque principale", "bank"),
    ("BQ2", "Compte d'épargne", "bank"),
    ("OD", "Opérations diverses", "miscellaneous"),
    ("PAIE", "Paie", "payroll"),
    ("AN", "À-nouveaux", "carry_forward"),
)
BANKS: Final = ("BNP Paribas", "Crédit Agricole", "Société Générale", "Qonto", "La Banque Postale")
# How often a document has each VAT code, with its rate in hundred-thousandths.
VAT_CODES: Final = (
    ("FR_200", 20_000), ("FR_200", 20_000), ("FR_200", 20_000), ("FR_200", 20_000),
    ("FR_100", 10_000), ("FR_55", 5_500), ("FR_15_385", 15_385), ("exempt", 0),
    ("extracom", 0), ("crossborder", 0),
)  # fmt: skip
RATES: Final = {"USD": "0.92451", "GBP": "1.168302", "CHF": "1.0437"}
CATEGORY_GROUPS: Final = (
    ("Types de dépenses / revenus", ("Ventes", "Loyer", "Salaires & charges", "Énergie", "Études")),
    ("Équipes", ("Direction", "Atelier", "Développement", "Support")),
    ("Projets", ("Rénovation n° 1", "Café « Le Zinc »", "Prototype β")),
)
TEMPLATES: Final = ("Modèle standard", "Modèle épuré", "Modèle à en-tête", "Modèle anglais")
