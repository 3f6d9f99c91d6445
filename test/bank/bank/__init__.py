# SPDX-License-Identifier: PostgreSQL
"""The bank test; see ../README.md."""
