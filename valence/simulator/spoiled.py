# SPDX-License-Identifier: Apache-2.0
"""Answers that are spoiled on their way: cut, truncated, or replaced by a web page."""

from aiohttp import web

PAGE = b"<!DOCTYPE html>\n<html><body><h1>It works!</h1></body></html>\n"


async def send(request, response, kind):
    """Return the answer that ``response`` becomes by the fault ``kind``, one of ``KINDS``."""
    return await KINDS[kind](request, response)


async def html(request, response):
    return web.Response(body=PAGE, content_type="text/html", charset="utf-8")


async def truncate(request, response):
    """Promise and deliver half a document: the HTTP is right, the JSON is not."""
    body = response.body or b""
    return web.Response(status=response.status, body=body[: len(body) // 2], headers=kept_headers(response))


async def cut(request, response):
    """Promise the whole, deliver half, and close the connection."""
    body = response.body or b" "
    half = web.StreamResponse(status=200, headers=kept_headers(response))
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return half


def kept_headers(response):
    return {name: value for name, value in response.headers.items() if name != "Content-Length"}


KINDS = {"html": html, "truncate": truncate, "cut": cut}
