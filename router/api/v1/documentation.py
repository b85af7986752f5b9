"""/docs: what /v1 offers, as one page without scripts, made from its OpenAPI description."""

from collections.abc import Iterator
from html import escape
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

Json = dict[str, Any]

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8884}"
    "h2{margin-top:2.5rem}:root{color-scheme:light dark}"
)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def documentation_route() -> Route:
    """Return the route of the page."""

    async def show(request: Request) -> Response:
        return HTMLResponse(page_of(request.app.openapi()), headers=_HEADERS)

    return Route("/docs", show)


def page_of(description: Json) -> str:
    """Return an OpenAPI description as a page."""
    title = escape(str(description["info"]["title"]))
    body = "".join(
        _operation(method, path, operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    )
    schemas = description.get("components", {}).get("schemas", {})
    shapes = "".join(_shape(name, schema) for name, schema in schemas.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>Every request needs <code>Authorization: Bearer …</code> "
        "with an access token or the <code>admin_token</code> of <code>credentials.json</code>. A role on a scope "
        "shows what its subscriptions have: name one by its resource id. Errors are "
        "problem details (RFC 9457). For programs: "
        f'<a href="/openapi.json">/openapi.json</a>.</p>{body}<h2>Shapes</h2>{shapes}</html>'
    )


def _operation(method: str, path: str, operation: Json) -> str:
    rows = [
        (one["name"], _type_of(one.get("schema", {})), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    bodies = [("body", operation["requestBody"])] if "requestBody" in operation else []
    answers = [(f"answer {status}", answer) for status, answer in operation["responses"].items() if status < "3"]
    rows += [(name, _type_of(schema), "") for name, holder in (*bodies, *answers) for schema in _schemas(holder)]
    summary = escape(operation.get("summary", ""))
    return f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{summary}</p>{_table(rows)}"


def _shape(name: str, schema: Json) -> str:
    rows = [
        (member, _type_of(described), described.get("description", ""))
        for member, described in schema.get("properties", {}).items()
    ]
    about = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{about}</p>{_table(rows)}' if rows else ""


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = (f"<tr><th><code>{escape(name)}</code><td>{kind}<td>{escape(about)}" for name, kind, about in rows)
    return f"<table>{''.join(cells)}</table>"


def _schemas(holder: Json) -> Iterator[Json]:
    for content in holder.get("content", {}).values():
        yield content.get("schema", {})


def _type_of(schema: Json) -> str:
    """Return the type of a schema as HTML, a shape being a link."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type_of(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "any JSON"))
