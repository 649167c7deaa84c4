"""How long people wait when they open the dashboard's overview at the same time.

    .cache/dashboard/bin/python benchmarks/sessions.py http://127.0.0.1:8501 year=2025-01-01 20

Speaks to Streamlit as a browser does, over WebSockets: twenty browsers on the app's machine would
take its processor time. `dashboard.py` uses it. Prints how many seconds the slowest session waits
for its first figure, and for the complete page, once all are connected.
"""

import asyncio
import sys
import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

FIGURE = 'class="figure'
"""In the HTML of a tile."""
DONE = ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY


async def opened(address: str, query: str, ready: asyncio.Barrier) -> tuple[float, float]:
    """Open the overview; return the seconds to its first figure, and until it is complete."""
    stream = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    async with connect(stream, subprotocols=["streamlit"], max_size=None) as socket:
        await ready.wait()
        begin, first = time.monotonic(), 0.0
        state = ClientState(query_string=query)
        await socket.send(BackMsg(rerun_script=state).SerializeToString())
        async for data in socket:
            message = ForwardMsg.FromString(data)
            seconds = time.monotonic() - begin
            if not first and FIGURE in message.delta.new_element.html.body:
                first = seconds
            if message.WhichOneof("type") == "script_finished":
                if not first or message.script_finished != DONE:
                    sys.exit("The overview was not drawn.")
                return first, seconds
    sys.exit("The dashboard closed the connection.")


async def main(address: str, query: str, sessions: int) -> None:
    """Open the overview in many sessions at once."""
    ready = asyncio.Barrier(sessions)
    pages = (opened(address, query, ready) for _ in range(sessions))
    found = await asyncio.gather(*pages)
    print(*(f"{max(seconds):.1f}" for seconds in zip(*found, strict=True)))


if __name__ == "__main__":
    _, where, filters, number = sys.argv
    asyncio.run(main(where, filters, int(number)))
