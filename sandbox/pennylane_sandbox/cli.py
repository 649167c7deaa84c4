"""The command `pennylane-sandbox`."""

import argparse
import signal
import socket
import sys
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pennylane_sandbox.calendar import LAST_DAY
from pennylane_sandbox.company.years import CASES
from pennylane_sandbox.ratelimit import Limit
from pennylane_sandbox.sandbox import Options, Sandbox
from pennylane_sandbox.serving.server import serve

_LIMIT = Limit(25, 5)
_FIRM_LIMIT = Limit(5, 1)


def _limit(text: str) -> Limit | None:
    try:
        return Limit.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        msg = f"a firm has no {count} companies"
        raise argparse.ArgumentTypeError(msg)
    return count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pennylane-sandbox",
        description="An emulator of the Pennylane API, serving a made-up company.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same company")
    parser.add_argument(
        "--size",
        type=int,
        default=2000,
        help="number of ledger entry lines; 0 is a company that has none",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8765, help="port to listen on; 0 takes any")
    parser.add_argument(
        "--rate-limit",
        type=_limit,
        default=argparse.SUPPRESS,
        help="as 25/5, or none (default: 25/5 per company token, 5/1 per firm token)",
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="delay of each API answer")
    parser.add_argument("--token", default="sandbox-token", help="a token with all scopes")
    parser.add_argument(
        "--companies",
        type=_count,
        default=0,
        help="serve the Firm API, too: a firm with this number of companies",
    )
    parser.add_argument(
        "--firm-token", default="sandbox-firm-token", help="a token that sees all companies"
    )
    parser.add_argument(
        "--hide-closed-years",
        action="store_true",
        help="leave closed years out of ledger_entries unless a date filter is sent, as the API "
        "did before July 2026",
    )
    parser.add_argument(
        "--case",
        action="append",
        choices=CASES,
        default=[],
        help="books with a special case; may be given several times",
    )
    parser.add_argument(
        "--until",
        type=_day,
        default=LAST_DAY,
        help="last day of the books, or today; they begin two years before that year",
    )
    return parser


def _day(text: str) -> date:
    if text == "today":
        return datetime.now(ZoneInfo("Europe/Paris")).date()
    return date.fromisoformat(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the sandbox until it is told to stop."""
    # After everything is closed, uvicorn raises the signal that stopped it again: it arrives here.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    parser = _parser()
    options = parser.parse_args(arguments)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        sys.exit(f"pennylane-sandbox: cannot listen on {options.host}:{options.port}: {error}")
    try:
        sandbox = Sandbox(
            Options(
                seed=options.seed,
                size=options.size,
                rate_limit=getattr(options, "rate_limit", _LIMIT),
                firm_rate_limit=getattr(options, "rate_limit", _FIRM_LIMIT),
                latency=options.latency_ms / 1000,
                token=options.token,
                firm_token=options.firm_token,
                companies=options.companies,
                hide_closed_years=options.hide_closed_years,
                cases=tuple(options.case),
                until=options.until,
            )
        )
    except ValueError as error:
        parser.error(str(error))
    port = listener.getsockname()[1]
    serve(sandbox, listener, lambda: _announce(options.host, port))


def _announce(host: str, port: int) -> None:
    sys.stdout.write(f"pennylane-sandbox: http://{host}:{port}\n")
    sys.stdout.flush()
