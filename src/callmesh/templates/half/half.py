"""The Python half of My app: the hub runs it, once for each list in a call, and it tidies the list.

What stands there begins with a capital, and stands there once. A page could see to that as well,
but two pages would do it at the same time, and a page goes when its person goes.
"""

import callmesh

app = callmesh.App("my-app")


@app.setup
def setup(resource: callmesh.Resource) -> None:
    tidy(resource)
    resource.state.listen(lambda change: tidy(resource), prefix="items")


def tidy(resource: callmesh.Resource) -> None:
    items, seen = resource.state.list("items"), set()
    for id, item in items.items():
        match item:
            case {"text": str(text)}:
                tidied = text[:1].upper() + text[1:]
                if tidied in seen:
                    items.remove(id)
                elif tidied != text:
                    items.set(id, {**item, "text": tidied})
                seen.add(tidied)
