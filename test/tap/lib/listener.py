#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Listens like a PostgreSQL server that wants passwords, and writes down all that it is told.

  listener.py HOST PORT LOG WAY [CERTIFICATE KEY]

WAY is a list of what it asks for after the startup message, one after the other whatever the answer is: clear, md5, sasl.
With a certificate it speaks TLS. "early" as the first asks before it has been spoken to: together with the answer to the
question for TLS."""

import socket
import ssl
import struct
import sys

CODES = {"clear": (3, b""), "md5": (5, b"salt"), "sasl": (10, b"SCRAM-SHA-256\0\0")}


def request(way):
    code, rest = CODES[way]
    return b"R" + struct.pack("!II", 8 + len(rest), code) + rest


def serve(connection, ways, context, log):
    connection.settimeout(3)
    first = connection.recv(4096)
    if len(first) == 8:
        early = ways and ways[0] == "early"
        if early:
            ways = ways[1:]
        connection.sendall((b"S" if context else b"N") + (request(ways.pop(0)) if early else b""))
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        first = connection.recv(4096)
    log.write(b"connected\n" + first + b"\n")
    for way in ways:
        connection.sendall(request(way))
        answer = connection.recv(4096)
        if not answer:
            return
        log.write(way.encode() + b": " + answer + b"\n")
    connection.sendall(b"E" + struct.pack("!I", 4 + 26) + b"SFATAL\0C28000\0Menough\0\0".ljust(26, b"\0"))


def main():
    host, port, path, ways = sys.argv[1:5]
    context = None
    if len(sys.argv) > 5:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[5], sys.argv[6])
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, int(port)))
    server.listen(16)
    with open(path, "ab", buffering=0) as log:
        log.write(b"listening\n")
        while True:
            connection, _ = server.accept()
            try:
                serve(connection, ways.split(","), context, log)
            except (OSError, ssl.SSLError) as problem:
                log.write(b"problem: " + str(problem).encode() + b"\n")
            connection.close()


main()
