"""Ask a question in a call, and say how the votes stand as they come in.

python examples/poll_bot.py http://127.0.0.1:8484/call/demo "Lunch?" Pizza Soup Salad
"""

import argparse
import asyncio
from collections import Counter

import callmesh


def standing(state: callmesh.SharedState, options: dict[str, str]) -> str:
    votes = Counter(option for key, option in state.items() if key.startswith("votes/"))
    return ", ".join(f"{text}: {votes[id]}" for id, text in options.items())


async def main(call_url: str, question: str, texts: list[str]) -> None:
    options = {str(number): text for number, text in enumerate(texts, 1)}
    async with callmesh.join(call_url, name="Poll bot") as call:
        poll = await call.resources.add(
            "poll",
            title=question,
            state={"question": question} | {f"options/{id}": t for id, t in options.items()},
        )
        call.resources.show(poll)
        print(f"asked: {question} ({poll.id})")
        async for change in poll.state.changes():
            print(standing(poll.state, options), flush=True)
            if "closed" in change:
                print("closed")
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("call", help="the call's address")
    parser.add_argument("question")
    parser.add_argument("options", nargs="+", help="what can be voted for")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.call, given.question, given.options))
    except KeyboardInterrupt:
        pass
    except callmesh.CallmeshError as error:
        raise SystemExit(f"poll_bot: {error}") from None
