"""The file `companies.yml`: several companies, each with a token and a schema of its own."""

import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pennylane_launcher import meltano
from pennylane_launcher.errors import SettingsError

FILE = "companies.yml"
KEYS = ("token", "token_file", "schema", "settings")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,53}")
RESERVED = ("meltano", "airflow", "public", "information_schema")
MOST = 10
"""Companies that a message names."""


@dataclass(frozen=True)
class Company:
    """An entry of the file.

    Attributes:
        name: what the user calls it, which is also the suffix of its state ID.
        schema: of its raw tables.
        place: what its token is, for messages, such as "DUPONT_TOKEN in `.env`".
        variable: the variable that holds its token; None if a file does.
        file: the file that holds its token; None if a variable does.
        settings: of the tap, as variables, which win over those in `.env`.
    """

    name: str
    schema: str
    place: str
    variable: str | None = None
    file: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def token(self, settings: Mapping[str, str]) -> str:
        """Return its token.

        Args:
            settings: environment variables, those of `.env` included.

        Raises:
            SettingsError: there is none.
        """
        if self.file is None:
            if found := settings.get(self.variable or "", "").strip():
                return found
            raise _wrong(self.name, f"{self.variable} is not set: write its token into `.env`.")
        try:
            found = self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not plain UTF-8"
            raise _wrong(self.name, f"{self.file} cannot be read: {why}.") from error
        if not found:
            raise _wrong(self.name, f"{self.file} is empty: write its token into that file.")
        return found


@dataclass(frozen=True)
class Access:
    """A company, and the token to read it with."""

    company: Company
    token: str = field(repr=False)

    def variables(self, project: Path) -> dict[str, str]:
        """Return the variables that make a Meltano load this company and no other.

        Args:
            project: the project's folder.
        """
        return {
            **self.company.settings,
            "TAP_PENNYLANE_API_TOKEN": self.token,
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": self.company.schema,
            "MELTANO_RUN_STATE_ID_SUFFIX": self.company.name,
            "MELTANO_SYS_DIR_ROOT": str(meltano.system_folder(project, self.company.name)),
        }


def exist(project: Path) -> bool:
    """Tell whether the project has the file."""
    return (project / FILE).exists()


def read(project: Path) -> list[Company]:
    """Return the companies of the file, in its order; none if there is no such file.

    Args:
        project: the project's folder.

    Raises:
        SettingsError: it is not as docs/companies.md describes it.
    """
    if not exist(project):
        return []
    found = [_company(project, *entry) for entry in _entries(project / FILE).items()]
    taken = dict.fromkeys(
        [*RESERVED, *(f"{meltano.SCHEMA}_{kind}" for kind in ("access", "live", "marts", "logs"))],
        "",
    )
    for company in found:
        # The second is that of the audit trail.
        for schema in (company.schema, f"{company.schema}_history"):
            if schema in taken:
                holder = f"of '{taken[schema]}'" if taken[schema] else "used by the pipeline itself"
                why = f"schema '{schema}' is {holder}: give one of its own with `schema: …`."
                raise _wrong(company.name, why)
            taken[schema] = company.name
    return found


def chosen(project: Path, settings: Mapping[str, str], names: Sequence[str] = ()) -> list[Access]:
    """Return the companies to load, with their tokens.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.
        names: of the companies; all by default.

    Raises:
        SettingsError: the file, a name or a token is wrong; says which, and what to do.
    """
    if not exist(project):
        msg = f"There is no {FILE} here that could name a company: docs/companies.md describes it."
        raise SettingsError(msg)
    companies = read(project)
    if not companies:
        msg = f"{FILE} names no company: add a line for each, as docs/companies.md describes."
        raise SettingsError(msg)
    known = {company.name: company for company in companies}
    for name in names:
        if name not in known:
            others = _listed(list(known))
            msg = f"{FILE} has no company '{name}'. It has {others}."
            raise SettingsError(msg)
    wanted = [known[name] for name in dict.fromkeys(names)] if names else companies
    found = [Access(company, company.token(settings)) for company in wanted]
    owners: dict[str, str] = {}
    for name, token in tokens(project, settings).items():
        if (owner := owners.setdefault(token, name)) != name and {owner, name} & set(
            names or known
        ):
            raise _wrong(name, f"its token is also that of '{owner}': remove one of the two.")
    return found


def tokens(project: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the tokens that can be read, by company; no error is raised.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.
    """
    found = {}
    try:
        companies = read(project)
    except SettingsError:
        return {}
    for company in companies:
        try:
            found[company.name] = company.token(settings)
        except SettingsError:
            continue
    return found


def schemas(companies: Iterable[Company], others: str) -> str:
    """Return the raw schemas of the views, as DBT_PENNYLANE_SCHEMAS lists them.

    Args:
        companies: those whose tables are in the views.
        others: what that variable says already.
    """
    listed = [name.strip() for name in others.split(",")]
    found = dict.fromkeys([*listed, *(company.schema for company in companies)])
    return ",".join(name for name in found if name)


class _Loader(yaml.SafeLoader):
    """Refuses a name that is used twice, of which YAML would take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ANN401, FBT001, FBT002
        names = [self.construct_object(key) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                msg = f"it has two lines for '{name}': remove one of them"
                raise yaml.YAMLError(msg)
        return super().construct_mapping(node, deep)


def _entries(path: Path) -> dict[Any, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - it is safe
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = " ".join((getattr(error, "strerror", None) or str(error)).split())
        msg = f"{FILE} cannot be read: {why}."
        raise SettingsError(msg) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        msg = f"{FILE} does not list companies: write one line for each, `dupont: {{token: …}}`."
        raise SettingsError(msg)
    return content


def _company(project: Path, name: object, entry: object) -> Company:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        why = "a name has at most 40 letters a to z, digits and _, and begins with a letter."
        raise _wrong(name, why)
    example = f"`{name}: {{token: {name.upper()}_TOKEN}}`"
    if not isinstance(entry, dict):
        raise _wrong(name, f"write {example}, with the name of the variable that holds its token.")
    for key in entry:
        if key not in KEYS:
            raise _wrong(name, f"there is no '{key}': an entry has {', '.join(KEYS)}.")
    variable, file = entry.get("token"), entry.get("token_file")
    if bool(variable) == bool(file) or not isinstance(variable or file, str):
        raise _wrong(name, f"it has either token or token_file, such as {example}.")
    if variable and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        # It may be the token itself, so it is not shown.
        why = f"token is the name of a variable, such as {name.upper()}_TOKEN, not the token."
        raise _wrong(name, why)
    schema = entry.get("schema", f"{meltano.SCHEMA}_{name}")
    if not isinstance(schema, str) or not SCHEMA.fullmatch(schema) or schema.startswith("pg_"):
        why = f"no schema can be called '{schema}': use a to z, digits and _, at most 54 of them."
        raise _wrong(name, why)
    settings = _settings(name, entry.get("settings", {}))
    if variable:
        return Company(name, schema, f"{variable} in `.env`", variable, settings=settings)
    path = project / Path(str(file)).expanduser()
    return Company(name, schema, f"the content of {path}", file=path, settings=settings)


def _settings(name: str, given: object) -> dict[str, str]:
    """Return settings of the tap as the variables that Meltano reads."""
    if not isinstance(given, dict) or not all(
        isinstance(key, str) and re.fullmatch("[a-z_]+", key) for key in given
    ):
        raise _wrong(name, "settings are those of the tap, such as {start_date: 2024-01-01}.")
    if "api_token" in given:
        raise _wrong(name, "its token is not one of the settings: use token or token_file.")
    return {
        f"TAP_PENNYLANE_{key.upper()}": value
        if isinstance(value, str)
        else json.dumps(value, default=str).strip('"')
        for key, value in given.items()
    }


def _wrong(name: object, why: str) -> SettingsError:
    return SettingsError(f"{FILE}, company '{name}': {why}")


def _listed(names: list[str]) -> str:
    more = len(names) - MOST
    return ", ".join(names[:MOST]) + (f" and {more} more" if more > 0 else "") or "none"
