"""How many descriptors a collector may have."""

import subprocess
import sys

from tests.collectors import ROOT

CODE = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
from tui.collector.assemble import allow_descriptors
allow_descriptors()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard))
"""


def test_a_collector_may_open_as_many_files_as_are_permitted_so_that_many_namespaces_do_not_blind_it() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stdout == "True\n", done.stderr
