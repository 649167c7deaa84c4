"""What went wrong, in a sentence that says what to do."""

import psycopg
from psycopg import errors

from pennylane_dashboard import database
from pennylane_dashboard.words import Words

AWAY = Words(
    "La base de données ne répond pas. Vérifiez que PostgreSQL est démarré, puis rechargez la"
    " page.",
    "The database does not answer. Check that PostgreSQL is running, then reload the page.",
)
NOTHING_LOADED = Words(
    "Rien n'a encore été chargé. Lancez `make demo` (société fictive) ou `make run` (la vôtre),"
    " puis rechargez la page.",
    "Nothing has been loaded yet. Run `make demo` (a made-up company) or `make run` (yours), then"
    " reload the page.",
)
NO_VIEW = Words(
    "Une vue que cette page lit n'existe pas encore. Lancez `make run` (ou `make demo` pour la"
    " société fictive), qui construit les vues, puis rechargez la page.",
    "A view that this page reads does not exist yet. Run `make run` (or `make demo` for the made-up"
    " company), which builds the views, then reload the page.",
)
NOT_ALLOWED = Words(
    "La base de données ne permet pas au rôle {role} de lire ces vues, ou à la connexion"
    " de prendre ce rôle. Donnez POSTGRES_READER_PASSWORD dans `.env`, ou exécutez"
    " `GRANT {role} TO` cet utilisateur.",
    "The database does not let the role {role} read these views, or this connection take"
    " that role. Set POSTGRES_READER_PASSWORD in `.env`, or run `GRANT {role} TO` this"
    " user.",
)
TOO_SLOW = Words(
    "Cette requête a été arrêtée car elle durait trop longtemps. Choisissez une période plus"
    " courte.",
    "This query was stopped because it took too long. Choose a shorter period.",
)
UNSAFE = Words(
    "Il faut se connecter à ce tableau de bord, mais la base de données montrerait toutes les"
    " sociétés à chacun. Activez DBT_PENNYLANE_ROW_LEVEL_SECURITY avec"
    " DBT_PENNYLANE_SIGN_IN_ROLE={role}, et donnez POSTGRES_READER_PASSWORD dans `.env`.",
    "This dashboard has a sign-in, but the database would show every company to everybody. Turn"
    " DBT_PENNYLANE_ROW_LEVEL_SECURITY on with DBT_PENNYLANE_SIGN_IN_ROLE={role}, and set"
    " POSTGRES_READER_PASSWORD in `.env`.",
)
NOTHING_GRANTED = Words(
    "Vous êtes connecté en tant que {person}, mais aucune société ne vous est ouverte."
    " Adressez-vous à votre administrateur.",
    "You are signed in as {person}, but no company is granted to you. Ask your administrator.",
)
FAILED = Words(
    "Cette page n'a pas pu être affichée. Le journal du tableau de bord en donne la raison ;"
    " rechargez la page pour réessayer.",
    "This page could not be shown. The dashboard's log has the reason; reload the page to try"
    " again.",
)


class UnknownValueError(Exception):
    """The address names something that does not exist."""

    def __init__(self, words: Words, value: str) -> None:
        """Say what.

        Args:
            words: the sentence, with `{value}`.
            value: what the address says.
        """
        super().__init__(words.en.format(value=value))
        self.words = words
        self.value = value


def explained(error: Exception) -> Words:
    """Return the sentence for an error."""
    if isinstance(
        error,
        errors.UndefinedTable
        | errors.UndefinedFunction
        | errors.UndefinedColumn
        | errors.InvalidSchemaName,
    ):
        return NO_VIEW
    if isinstance(error, errors.InvalidParameterValue | errors.UndefinedObject):
        return NOTHING_LOADED  # the role is created with the first views
    if isinstance(error, errors.InsufficientPrivilege | database.UnsafeError):
        words = UNSAFE if isinstance(error, database.UnsafeError) else NOT_ALLOWED
        role = database.role()
        return Words(words("fr", role=role), words("en", role=role))
    if isinstance(error, errors.QueryCanceled):
        return TOO_SLOW
    if isinstance(error, psycopg.OperationalError):
        return AWAY
    return FAILED
