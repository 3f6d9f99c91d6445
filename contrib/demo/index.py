# SPDX-License-Identifier: PostgreSQL
"""Debian's package index as rows for the demo's four tables."""

import re

SECTIONS = {
    "admin": "Administration", "cli-mono": "Mono/CLI infrastructure", "comm": "Communication", "database": "Databases",
    "debian-installer": "Parts of the installer", "debug": "Debugging symbols", "devel": "Development",
    "doc": "Documentation", "editors": "Editors", "education": "Education", "electronics": "Electronics",
    "embedded": "Embedded systems", "fonts": "Fonts", "games": "Games", "gnome": "GNOME", "gnu-r": "GNU R",
    "gnustep": "GNUstep", "golang": "Go", "graphics": "Graphics", "hamradio": "Ham radio", "haskell": "Haskell",
    "httpd": "Web servers", "interpreters": "Interpreters", "introspection": "GObject introspection", "java": "Java",
    "javascript": "JavaScript", "kde": "KDE", "kernel": "Kernels and modules", "libdevel": "Development files of libraries",
    "libs": "Libraries", "lisp": "Lisp", "localization": "Translations", "mail": "Mail", "math": "Mathematics",
    "metapackages": "Metapackages", "misc": "Miscellaneous", "net": "Networking", "news": "Usenet", "ocaml": "OCaml",
    "oldlibs": "Old libraries", "otherosfs": "Other systems' files", "perl": "Perl", "php": "PHP", "python": "Python",
    "ruby": "Ruby", "rust": "Rust", "science": "Science", "shells": "Shells", "sound": "Sound", "tasks": "Tasks",
    "tex": "TeX", "text": "Text processing", "utils": "Utilities", "vcs": "Version control", "video": "Video",
    "web": "Web", "x11": "X window system", "xfce": "Xfce", "zope": "Zope and Plone",
}

PRIORITIES = [
    ("required", 1, "the system breaks without it"),
    ("important", 2, "found missing, one would ask why"),
    ("standard", 3, "a small but not too limited system has it"),
    ("optional", 4, "everything else"),
    ("extra", 5, "the old name of optional"),
]

KINDS = ("Pre-Depends", "Depends", "Recommends", "Suggests")
ONE = re.compile(r"^\s*([A-Za-z0-9.+-]+)(?::\S+)?\s*(?:\(([^)]*)\))?")


def paragraphs(text):
    """Each package's fields; continued lines (long descriptions, tags) are not wanted."""
    fields = {}
    for line in text.split("\n"):
        if not line:
            if fields:
                yield fields
            fields = {}
        elif line[0] not in " \t":
            name, _, value = line.partition(": ")
            fields[name] = value
    if fields:
        yield fields


def dependencies(package, fields):
    for kind in KINDS:
        for position, group in enumerate(fields.get(kind, "").split(","), 1):
            for alternative, text in enumerate(group.split("|"), 1):
                found = ONE.match(text)
                if found:
                    yield package, kind, position, alternative, found.group(1), found.group(2)


def number(text):
    return int(text) if text and text.isdigit() else None


def row(fields):
    return (fields["Package"], fields.get("Version"), fields.get("Section", "misc"), fields.get("Priority", "optional"),
            fields.get("Architecture"), number(fields.get("Installed-Size")), number(fields.get("Size")),
            fields.get("Maintainer"), fields.get("Homepage"), fields.get("Description"))


def parse(text):
    """Rows for each table; of a package with several versions, the first that apt lists."""
    packages, wants, seen = [], [], set()
    for fields in paragraphs(text):
        name = fields.get("Package")
        if not name or name in seen:
            continue
        seen.add(name)
        packages.append(row(fields))
        wants.extend(dependencies(name, fields))
    return tables(packages, wants)


def tables(packages, wants):
    names = sorted({package[2] for package in packages})
    sections = [(name, SECTIONS.get(name.split("/")[-1], name)) for name in names]
    known = {name for name, _, _ in PRIORITIES}
    others = sorted({package[3] for package in packages} - known)
    priorities = PRIORITIES + [(name, 9, "unknown") for name in others]
    return {"sections": sections, "priorities": priorities, "packages": packages, "dependencies": wants}
