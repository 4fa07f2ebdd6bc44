"""With one fork, ten hosts' jobs run side by side: told by when each began and ended."""

from __future__ import annotations

import json
import sys

from real.wrong_world import World

HOSTS = [f"h{number}" for number in range(10)]
TASKS = """
    - name: long work
      shell: touch {0}/$$.begun; until [ $(ls {0} | grep -c begun) = 10 ]; do sleep 0.05; done
      args: {{executable: /bin/bash}}
      async: 60
      poll: 1
      register: work
    - debug: msg="{{{{ work.start }}}} {{{{ work.end }}}}"
"""


def test_ten_hosts_jobs_run_side_by_side_with_one_fork(tmp_path):
    """Each job ends when all ten have begun: one after the other would never end."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    world = World(tmp_path, dict.fromkeys(HOSTS, local))
    ended = world.run(TASKS.format(meeting), "-f", "1")
    assert ended.code == 0, ended
    assert ended.recap == dict.fromkeys(HOSTS, "changed=1 ok=2")
    said = [json.loads(f'"{line}"') for line in ended.out.split('"') if line.startswith("20")]
    times = [(line[:26], line[27:]) for line in said]
    assert len(times) == 10
    assert max(start for start, _ in times) < min(end for _, end in times), "all at once"
