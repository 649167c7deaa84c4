"""The pipeline: how old each table is, how the runs went, and the run that is in progress."""

import altair as alt
import psycopg
import streamlit as st
from psycopg import errors

from pennylane_dashboard import charts, formats, tables, troubles
from pennylane_dashboard.asking import now, shown
from pennylane_dashboard.database import Row
from pennylane_dashboard.drawing import ahead, table
from pennylane_dashboard.pages import pipeline_queries as queries
from pennylane_dashboard.tables import Column, Kind, Table
from pennylane_dashboard.view import View
from pennylane_dashboard.words import Words

TITLE = Words("Pipeline", "Pipeline")

EVERY = 3
"""Seconds between two looks at the latest run."""
SHOWN = 100
"""Runs in the timeline."""
SEEN = "pipeline-seen"
STATES = {
    "success": Words("réussie", "succeeded"),
    "failed": Words("échouée", "failed"),
    "running": Words("en cours", "running"),
    "never": Words("jamais lue", "never read"),
}
COLORS = {"success": "#3a87c8", "failed": "#d1493f", "running": "#8a96a3"}
STATE = Words("Exécution", "Run")
STARTED = Words("Début", "Start")
SECONDS = Words("Durée (s)", "Duration (s)")
ROWS = Words("Lignes écrites", "Rows written")
FAILURES = Words("Échecs", "Failures")
REQUESTS = Words("Requêtes", "Requests")
TABLE = Words("Table", "Table")
NOW = Words("Dernière exécution", "Latest run")
REMAINING = Words("Reste environ (s)", "About left (s)")
RUNNING = Words(
    "Une exécution est en cours. Ses requêtes seront connues à la fin, quand l'extracteur rend"
    " compte.",
    "A run is in progress. Its requests are known at its end, when the tap reports them.",
)
HAS_FAILED = Words(
    "La dernière exécution a échoué. `make check-health` en donne la raison et le remède.",
    "The latest run failed. `make check-health` gives the reason and the remedy.",
)
NO_RUN = Words(
    "Aucune exécution n'a encore été enregistrée. Lancez `make run`.",
    "No run has been recorded yet. Start one: `make run`.",
)
NOT_COMPARED = Words(
    "Le rapprochement n'est pas lisible. `.venv/bin/meltano run views:build` construit ce qui"
    " manque.",
    "The reconciliation cannot be read. `.venv/bin/meltano run views:build` builds what is"
    " missing.",
)
TIMELINE_ALT = Words(
    "Durée des dernières exécutions, par date, avec leur résultat",
    "Duration of the latest runs by date, with their results",
)

PROBLEMS = Table(
    name="problems",
    title=Words("À traiter", "To be dealt with"),
    query=queries.PROBLEMS,
    columns=(
        Column(
            "kind",
            Words("Problème", "Problem"),
            texts={
                "failed": Words("Dernière lecture échouée", "The last read failed"),
                "stale": Words("Trop ancien (plus de 26 h)", "Too old (more than 26 h)"),
                "never": Words("Jamais chargé", "Never loaded"),
            },
        ),
        Column("tables", Words("Tables", "Tables")),
        Column("since", Words("Depuis", "Since"), Kind.MOMENT),
        Column("reason", Words("Raison", "Reason")),
        Column(
            "remedy",
            Words("Que faire", "What to do"),
            texts={
                "failed": Words(
                    "Corriger la cause (souvent un droit du jeton), puis `make run`.",
                    "Remove the cause (often a scope of the token), then `make run`.",
                ),
                "stale": Words(
                    "Vérifier que la planification `sync` tourne et qu'aucune exécution n'est"
                    " bloquée.",
                    "Check that the schedule `sync` runs and that no run hangs.",
                ),
                "never": Words(
                    "Rien, si la table est nouvelle : la prochaine exécution la charge.",
                    "Nothing, if the table is new: the next run loads it.",
                ),
            },
        ),
    ),
    empty=Words(
        "Aucun problème : chaque table a été lue, et la dernière lecture a réussi.",
        "No problem: every table was read, and its last read succeeded.",
    ),
)
TIMELINE = Table(
    name="runs",
    title=Words("Exécutions", "Runs"),
    query=queries.TIMELINE,
    columns=(
        Column("started_at", STARTED, Kind.MOMENT),
        Column("status", Words("Résultat", "Result"), Kind.CODE, texts=STATES),
        Column("seconds", SECONDS, Kind.NUMBER),
        Column("rows", Words("Lignes", "Rows"), Kind.COUNT),
        Column("requests", REQUESTS, Kind.COUNT),
        Column("share", Words("Limite (%)", "Limit (%)"), Kind.NUMBER),
        Column("rate_limited", Words("429", "429"), Kind.COUNT, wrong=1),
        Column("seconds_waited", Words("Attente (s)", "Waiting (s)"), Kind.NUMBER),
        Column("failures", FAILURES, Kind.COUNT, wrong=1),
        Column("error", Words("Première erreur", "First error")),
    ),
    limit=SHOWN,
    note=Words(
        "Les 100 dernières."
        " Limite : la part utilisée, pendant la lecture, des 25 requêtes en 5 secondes que permet"
        " Pennylane. 429 : requêtes refusées à cause d'elle. L'attente s'additionne sur les"
        " requêtes simultanées.",
        "The latest 100."
        " Limit: the share used, while reading, of the 25 requests in 5 seconds that Pennylane"
        " allows. 429: requests refused because of it. Waiting is added up over concurrent"
        " requests.",
    ),
    empty=NO_RUN,
)
FRESHNESS = Table(
    name="tables",
    title=Words("Tables", "Tables"),
    query=queries.FRESHNESS,
    note=Words(
        "Vérifiée : début de la dernière lecture entière ou vérification. En cours : ce que la"
        " vérification en cours a déjà relu.",
        "Verified: when the last whole read or verification began. Under way: how much the"
        " verification in progress has read again.",
    ),
    columns=(
        Column("table_name", TABLE, Kind.CODE),
        Column("read_at", Words("Dernière lecture", "Last read"), Kind.MOMENT),
        Column("age", Words("Âge (min)", "Age (min)"), Kind.COUNT),
        Column("rows", Words("Lignes", "Rows"), Kind.COUNT),
        Column("status", Words("État", "State"), Kind.CODE, texts=STATES),
        Column("verified_at", Words("Vérifiée", "Verified"), Kind.MOMENT),
        Column(
            "verification",
            Words("En cours (%)", "Under way (%)"),
            Kind.NUMBER,
        ),
    ),
)
DIFFERENCES = Table(
    name="reconciliation",
    title=Words("Rapprochement avec la balance de Pennylane", "Reconciliation with Pennylane"),
    query=queries.DIFFERENCES,
    columns=(
        Column("period_start", Words("Exercice du", "Fiscal year from"), Kind.DAY),
        Column("period_end", Words("au", "to"), Kind.DAY),
        Column("account_number", Words("Compte", "Account")),
        Column("debits", Words("Débits", "Debits"), Kind.MONEY),
        Column(
            "reported_debits", Words("Débits selon Pennylane", "Pennylane's debits"), Kind.MONEY
        ),
        Column("credits", Words("Crédits", "Credits"), Kind.MONEY),
        Column(
            "reported_credits", Words("Crédits selon Pennylane", "Pennylane's credits"), Kind.MONEY
        ),
    ),
    empty=Words(
        "Aucun écart : les lignes donnent la balance de Pennylane, au centime.",
        "No difference: the lines add up to Pennylane's trial balance, to the cent.",
    ),
)
WRITTEN = Table(
    name="written",
    title=Words("Écrit jusqu'ici", "Written so far"),
    query=queries.WRITTEN,
    columns=(
        Column("table_name", TABLE, Kind.CODE),
        Column("rows", ROWS, Kind.COUNT),
    ),
)


def draw(view: View) -> None:
    """Draw the page."""
    latest = _latest()
    # What is remembered is asked for again as soon as a run begins or ends.
    moment = _moment(latest)
    st.session_state[SEEN] = moment
    values = {"moment": moment, "runs": _newest()}
    runs = shown(TIMELINE.query, values, SHOWN)
    ahead(view, PROBLEMS, FRESHNESS, DIFFERENCES, moment=moment)
    st.header(view.say(NOW), anchor=False)
    _live(view, next((run for run in runs if run["run_id"] == latest.get("run_id")), {}))
    table(view, PROBLEMS, moment=moment)
    if runs:
        _timeline(view, runs)
    table(view, TIMELINE, **values)
    table(view, FRESHNESS, moment=moment)
    try:
        table(view, DIFFERENCES, moment=moment)
    except (errors.UndefinedTable, errors.InsufficientPrivilege):
        st.header(view.say(DIFFERENCES.title), anchor=False)
        st.info(view.say(NOT_COMPARED))


def _latest() -> Row:
    """Return the latest run, asked for anew; nothing if there is none."""
    found = now(queries.LATEST, {})
    return found[0] if found else {}


def _newest() -> str:
    """Return the ids of the runs that are shown, as an array in SQL."""
    (found,) = now(queries.NEWEST, {"limit": SHOWN})
    return str(found["runs"])


def _moment(latest: Row) -> str:
    return f"{latest.get('run_id')} {latest.get('status')}"


@st.fragment(run_every=EVERY)  # type: ignore[untyped-decorator,unused-ignore]
def _live(view: View, reported: Row) -> None:
    """Draw the latest run every few seconds; the page around it, when a run begins or ends.

    Args:
        view: the language.
        reported: what the latest run reported, if it has ended.
    """
    try:
        latest = _latest()
        is_running = latest.get("status") == "running"
        written = now(queries.WRITTEN, {}) if is_running else []
    except psycopg.Error as error:
        st.error(view.say(troubles.explained(error)))
        return
    if _moment(latest) != st.session_state.get(SEEN):
        st.rerun()
    if not latest:
        st.info(view.say(NO_RUN))
        return
    _figures(view, latest, written[0] if written else {}, reported)
    if latest["status"] == "failed":
        st.error(view.say(HAS_FAILED))
        if reason := reported.get("error") or latest["error"]:
            st.code(reason, language=None, wrap_lines=True)
    if is_running:
        st.info(view.say(RUNNING))
        if latest["done"] is not None:
            st.progress(float(latest["done"]))
        if written:
            st.html(tables.html(WRITTEN, written, view))


def _figures(view: View, latest: Row, written: Row, reported: Row) -> None:
    """Draw the run's figures side by side."""
    said = [
        (STATE, view.say(STATES[latest["status"]])),
        (STARTED, formats.moment(latest["started_at"], view.language)),
        (SECONDS, _number(view, latest["seconds"])),
    ]
    if latest["status"] == "running":
        said += [
            (ROWS, _number(view, written.get("every", 0))),
            (REMAINING, _number(view, latest["remaining"])),
        ]
    else:
        said += [
            (ROWS, _number(view, reported.get("rows"))),
            (REQUESTS, _number(view, reported.get("requests"))),
            (FAILURES, _number(view, reported.get("failures"))),
        ]
    tiles = "".join(
        f'<div class="tile"><div class="name">{view.say(name)}</div>'
        f'<div class="figure">{value}</div></div>'
        for name, value in said
    )
    st.html(f'<div class="tiles" data-name="latest">{tiles}</div>')


def _number(view: View, value: object) -> str:
    return tables.written(value, Kind.COUNT, view.language) or "–"


def _timeline(view: View, runs: list[Row]) -> None:
    """Draw the runs as bars over time, as high as they were long."""
    states = [state for state in COLORS if any(row["status"] == state for row in runs)]
    names = [view.say(STATES[state]) for state in states]
    points = [
        {
            "start": row["started_at"].isoformat(),
            "seconds": float(row["seconds"] or 0),
            "state": view.say(STATES[row["status"]]),
            "rows": row["rows"],
            "requests": row["requests"],
        }
        for row in runs
    ]
    chart = (
        alt.Chart(alt.Data(values=points))
        .mark_bar(width=6, cornerRadiusEnd=2)
        .encode(
            x=alt.X("start:T", title=None, axis=alt.Axis(format="%d/%m %H:%M", labelOverlap=True)),
            y=alt.Y("seconds:Q", title=view.say(SECONDS), axis=alt.Axis(format=".0f")),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=names, range=[COLORS[state] for state in states]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[
                alt.Tooltip("start:T", title=view.say(STARTED), format="%d/%m/%Y %H:%M"),
                alt.Tooltip("state:N", title=view.say(STATE)),
                alt.Tooltip("seconds:Q", title=view.say(SECONDS), format=".1f"),
                alt.Tooltip("rows:Q", title=view.say(ROWS)),
                alt.Tooltip("requests:Q", title=view.say(REQUESTS)),
            ],
        )
        .properties(height=220, padding=charts.PADDING)
        .configure(**charts.labels())
    )
    st.altair_chart(chart, width="stretch", alt=view.say(TIMELINE_ALT))
