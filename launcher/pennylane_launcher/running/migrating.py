"""Makes Meltano's own tables ready, once for all Meltanos that start at the same time."""

import sqlalchemy as sa

from pennylane_launcher.errors import LauncherError

LOCK = "select pg_advisory_lock(hashtext('pennylane-launcher migration'))"


def migrate(uri: str) -> None:
    """Create or upgrade the tables: Meltanos that did so at once would be in each other's way.

    Args:
        uri: MELTANO_DATABASE_URI.

    Raises:
        LauncherError: it is not possible.
    """
    # Importing Meltano takes half a second or more, and most commands do without it.
    from meltano.core.migration_service import MigrationError, MigrationService  # noqa: PLC0415

    engine = sa.create_engine(uri)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text(LOCK))
            MigrationService(engine).upgrade(silent=True)
    except (MigrationError, sa.exc.SQLAlchemyError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        msg = f"Meltano's own tables cannot be made ready: {cause}."
        raise LauncherError(msg) from error
    finally:
        engine.dispose()
