"""The search index: vectors, terms, versions and hybrid search."""

import os

# The matrices here are small: numpy's own threads would spin longer than they compute (measured:
# 0.5 ms of CPU become 10). It reads this when it is imported, which is later.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
