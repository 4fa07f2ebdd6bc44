"""A plain playbook pays for what it uses: none of stock's engine is ever imported."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  vars: {greeting: hello, people: [ann, bob]}
  tasks:
    - command: echo {{ greeting }}
      register: said
    - copy: {content: "{{ people | join(', ') }}", dest: "{{ folder }}/people"}
    - template: {src: page.j2, dest: "{{ folder }}/page"}
    - stat: {path: "{{ folder }}/page"}
      register: page
    - assert: {that: [page.stat.exists, said.stdout == 'hello', said is succeeded]}
    - set_fact: {who: "{{ people | first | default('nobody') | upper }}"}
    - debug: {var: who}
    - command: sleep 0.1
      async: 10
      poll: 1
"""
GUARD = """\
import sys
from outlast.cli.entry import main
code = main(sys.argv[1:])
heavy = ("ansible.constants", "ansible.template", "ansible.plugins", "ansible.utils.display",
         "ansible.parsing", "ansible.executor", "ansible.playbook", "ansible.vars",
         "ansible.inventory", "ansible.cli", "cryptography")
found = sorted(name for name in sys.modules
               if any(name == one or name.startswith(one + ".") for one in heavy))
print("IMPORTED", found)
sys.exit(code)
"""


def test_a_plain_playbook_imports_nothing_of_stocks_engine(tmp_path):
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    (tmp_path / "page.j2").write_text("{% for who in people %}{{ who }} {% endfor %}\n")
    argv = ["playbook", "-e", f"folder={tmp_path}", str(tmp_path / "site.yml")]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(GUARD), *argv],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "IMPORTED []" in done.stdout
