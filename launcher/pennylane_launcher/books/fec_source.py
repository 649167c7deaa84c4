"""What the FEC is written from: the views and the kept numbers of a database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO, Any, LiteralString

import psycopg
from psycopg import IsolationLevel, sql

from pennylane_launcher.books.fec_description import FIELDS
from pennylane_launcher.errors import LauncherError

SHOWN = 10
"""How many differences from Pennylane's own file are named."""


@dataclass(frozen=True)
class FiscalYear:
    """The fiscal year of a company."""

    company: int
    name: str
    registration: str | None
    start: date
    end: date


class FecSource:
    """The views and the numbers of one database."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], schema: str) -> None:
        """Check that they are there.

        Args:
            connection: to the database.
            schema: the schema of the raw tables.

        Raises:
            LauncherError: the views are missing.
        """
        self._connection = connection
        self._names = {
            "entries": sql.Identifier(f"{schema}_marts", "fec_entries"),
            "fec": sql.Identifier(f"{schema}_marts", "fec"),
            "fec_file": sql.Identifier(f"{schema}_marts", "fec_file"),
            "numbers": sql.Identifier(f"{schema}_logs", "fec_numbers"),
            "pennylanes": sql.Identifier(f"{schema}_live", "fec"),
            "columns": sql.SQL(", ").join(sql.Identifier(name) for name, _, _ in FIELDS),
        } | {
            name: sql.Identifier(f"{schema}_live", name)
            for name in ("company", "fiscal_years", "ledger_entries", "ledger_entry_lines")
        }
        query = "select count(to_regclass(name)) from unnest(%s::text[]) as name"
        names = [self._names[name].as_string() for name in ("entries", "numbers")]
        if connection.execute(query, [names]).fetchone() != (len(names),):
            msg = (
                "There is nothing to write the FEC from: the views are missing, or an older"
                " version built them. `make run` loads the books and builds them."
            )
            raise LauncherError(msg)

    def fiscal_years(self) -> list[FiscalYear]:
        """Return the fiscal years of all companies, the earliest first."""
        return [FiscalYear(*row) for row in self._ask(_YEARS)]

    def has_pennylanes_file(self, year: FiscalYear) -> bool:
        """Tell whether the stream `fec` loaded the file of the whole fiscal year."""
        return bool(self._ask(_HAS_PENNYLANES, year))

    def copy_lines(self, year: FiscalYear, file: IO[bytes], *, renumber: bool) -> None:
        """Number the entries that have no number yet, and write their lines.

        Args:
            year: the fiscal year.
            file: where to.
            renumber: give all of them new numbers.
        """
        connection = self._connection
        connection.commit()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            # Before anything is read: two files at a time would give the same numbers.
            connection.execute(self._compose("lock table {numbers} in share row exclusive mode"))
            if renumber:
                connection.execute(self._compose(_FORGET), _of(year))
            connection.execute(self._compose(_NUMBER), _of(year))
            connection.execute(self._compose("analyze {numbers}"))
            self._copy(self._compose(_LINES), year, file, b"\n")

    def copy_pennylanes(self, year: FiscalYear, file: IO[bytes]) -> None:
        """Write the lines of Pennylane's own file."""
        fields = zip(_PENNYLANES_COLUMNS.split(), FIELDS, strict=True)
        columns = sql.SQL(", ").join(
            sql.SQL(_AS_TEXT[kind]).format(sql.Identifier(name)) for name, (_, kind, _) in fields
        )
        query = sql.SQL(_PENNYLANES_LINES).format(**self._names | {"columns": columns})
        self._copy(query, year, file, b"\r\n")

    def _copy(self, query: sql.Composed, year: FiscalYear, file: IO[bytes], end: bytes) -> None:
        """Write rows as they come. No field contains what would have to be quoted."""
        file.write("\t".join(name for name, _, _ in FIELDS).encode() + end)
        command = sql.SQL(_COPY).format(query)
        with self._connection.cursor() as cursor, cursor.copy(command, _of(year)) as rows:
            for row in rows:
                file.write(bytes(row).replace(b"\n", end))

    def given(self, year: FiscalYear, numbers: Sequence[int]) -> Collection[int]:
        """Return which of these numbers an entry was once given."""
        query = self._compose(_GIVEN)
        values = _of(year) | {"given": list(numbers)}
        return {int(number) for (number,) in self._connection.execute(query, values)}

    def left_out(self, year: FiscalYear, lines: int) -> list[str]:
        """Say what the file leaves out.

        Args:
            year: the fiscal year.
            lines: how many lines the file has.
        """
        ((inside, drafts, archived, outside),) = self._ask(_LEFT_OUT, year)
        parts = [
            f"{count:,} lines {what}"
            for count, what in (
                (drafts, "of drafts"),
                (archived, "of archived entries"),
                (inside - drafts - archived - lines, "of entries that close classes 6 and 7"),
            )
            if count
        ]
        notes = [f"Left out: {', '.join(parts)}."] if parts else []
        if outside:
            notes.append(f"In no fiscal year, and so in no file: {outside:,} lines of the ledger.")
        return notes

    def compared(self, year: FiscalYear) -> list[str]:
        """Compare Pennylane's own file with what the lines make, by journal and account."""
        rows = self._ask(_COMPARED, year)
        notes = ["This is Pennylane's own file, as the stream `fec` loaded it."]
        differing = [row for row in rows if row[2:4] != row[4:6]]
        if not differing:
            return [*notes, f"The lines make the same {len(rows):,} sums by journal and account."]
        notes.append(
            f"The lines make {len(differing):,} of the {len(rows):,} sums by journal and account"
            " differently:"
        )
        for journal, account, debit, credit, other_debit, other_credit in differing[:SHOWN]:
            notes.append(
                f"   {journal} {account}: debit {debit:,.2f}, credit {credit:,.2f};"
                f" from the lines {other_debit:,.2f}, {other_credit:,.2f}"
            )
        if len(differing) > SHOWN:
            notes.append(f"   and {len(differing) - SHOWN:,} more")
        return notes

    def _compose(self, query: LiteralString) -> sql.Composed:
        return sql.SQL(query).format(**self._names)

    def _ask(self, query: LiteralString, year: FiscalYear | None = None) -> list[tuple[Any, ...]]:
        values = _of(year) if year else None
        return self._connection.execute(self._compose(query), values).fetchall()


def _of(year: FiscalYear) -> dict[str, object]:
    return {"company": year.company, "start": year.start, "end": year.end}


_COPY: LiteralString = (
    "copy ({}) to stdout"
    r" (format csv, delimiter E'\t', quote E'\x01', null E'\x02', encoding 'UTF8')"
)

_YEARS: LiteralString = """
    select year.company_id, year.company_name, company.company_reg_no, year.start_date,
        year.end_date
    from {fiscal_years} as year
    left join {company} as company on company.company_id = year.company_id
    where year.start_date is not null and year.end_date is not null
    order by year.end_date, year.company_id
"""

_FORGET: LiteralString = """
    delete from {numbers} where company_id = %(company)s and fiscal_year_end = %(end)s
"""

_NUMBER: LiteralString = """
    insert into {numbers} (company_id, fiscal_year_end, ledger_entry_id, number)
    select company_id, fiscal_year_end, ledger_entry_id, number from {entries}
    where company_id = %(company)s and fiscal_year_end = %(end)s
    on conflict (company_id, fiscal_year_end, ledger_entry_id) do nothing
"""

_LINES: LiteralString = """
    select {columns} from {fec_file}
    where company_id = %(company)s and fiscal_year_end = %(end)s
    order by is_opening desc, "EcritureNum"::bigint, ledger_entry_line_id
"""

_GIVEN: LiteralString = """
    select number from {numbers}
    where company_id = %(company)s and fiscal_year_end = %(end)s and number = any(%(given)s)
"""

_LEFT_OUT: LiteralString = """
    select
        count(*) filter (where line.date between %(start)s and %(end)s),
        count(*) filter (where line.date between %(start)s and %(end)s and entry.status = 'draft'),
        count(*) filter (
            where line.date between %(start)s and %(end)s and entry.status = 'archived'
        ),
        count(*) filter (where not line.date <@ coalesce(
            (
                select range_agg(daterange(start_date, end_date, '[]')) from {fiscal_years}
                where company_id = %(company)s
            ),
            '{{}}'
        ))
    from {ledger_entry_lines} as line
    left join {ledger_entries} as entry
        on entry.company_id = line.company_id and entry.id = line.ledger_entry_id
    where line.company_id = %(company)s
"""

_PENNYLANES_COLUMNS = (
    "journal_code journal_lib ecriture_num ecriture_date compte_num compte_lib comp_aux_num"
    " comp_aux_lib piece_ref piece_date ecriture_lib debit credit ecriture_let date_let valid_date"
    " montant_devise idevise"
)

_AS_TEXT: dict[str, LiteralString] = {
    "alphanumérique": r"coalesce(translate({}, E'\t\r\n\x01\x02', '     '), '')",
    "date": "coalesce(to_char({}, 'YYYYMMDD'), '')",
    "numérique": "coalesce(replace(round({}, 2)::text, '.', ','), '')",
}

_HAS_PENNYLANES: LiteralString = """
    select 1 from {pennylanes}
    where company_id = %(company)s and period_start = %(start)s and period_end = %(end)s
    limit 1
"""

_PENNYLANES_LINES: LiteralString = """
    select {columns} from {pennylanes}
    where company_id = %(company)s and period_start = %(start)s and period_end = %(end)s
    order by line
"""

_COMPARED: LiteralString = """
    with theirs as (
        select journal_code as journal, coalesce(comp_aux_num, compte_num) as account,
            sum(debit) as debit, sum(credit) as credit
        from {pennylanes}
        where company_id = %(company)s and period_start = %(start)s and period_end = %(end)s
        group by 1, 2
    ), ours as (
        select "JournalCode" as journal, coalesce("CompAuxNum", "CompteNum") as account,
            sum("Debit") as debit, sum("Credit") as credit
        from {fec}
        where company_id = %(company)s and fiscal_year_end = %(end)s
        group by 1, 2
    )
    select journal, account, coalesce(theirs.debit, 0), coalesce(theirs.credit, 0),
        coalesce(ours.debit, 0), coalesce(ours.credit, 0)
    from theirs full join ours using (journal, account)
    order by journal, account
"""
