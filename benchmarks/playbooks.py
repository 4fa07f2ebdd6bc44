"""The playbooks of the benchmarks, as text: what they measure is said where they are run."""

from __future__ import annotations

EMPTY_PLAY = """\
- hosts: localhost
  connection: local
  gather_facts: false
  tasks: []
"""

JOB = """\
- hosts: bench
  gather_facts: false
  tasks:
    - name: A job of 3.3 seconds
      ansible.builtin.shell: sleep 3.3; date +%s.%N > OVER
      async: 60
      poll: 5
"""

_SEVEN_CHEAP_TASKS = """\
    - name: Command {n}
      ansible.builtin.command: "true"
    - name: File {n}
      ansible.builtin.file:
        path: FOLDER/folder{n}
        state: directory
        mode: "0755"
    - name: Copy {n}
      ansible.builtin.copy:
        content: "line {n}\\n"
        dest: FOLDER/copied{n}
        mode: "0644"
    - name: Template {n}
      ansible.builtin.template:
        src: FOLDER/greeting.j2
        dest: FOLDER/templated{n}
        mode: "0644"
    - name: Stat {n}
      ansible.builtin.stat:
        path: FOLDER/copied{n}
      register: stat{n}
    - name: Fact {n}
      ansible.builtin.set_fact:
        size{n}: "{{{{ stat{n}.stat.size }}}}"
    - name: Debug {n}
      ansible.builtin.debug:
        msg: "{{{{ size{n} }}}} bytes"
"""

CHEAP_TASKS = """\
- hosts: bench
  gather_facts: false
  tasks:
    - name: The template of the templates
      ansible.builtin.copy:
        content: "host {% raw %}{{ inventory_hostname }}{% endraw %}\\n"
        dest: FOLDER/greeting.j2
        mode: "0644"
    - name: One more, to make it a hundred
      ansible.builtin.command: "true"
""" + "".join(_SEVEN_CHEAP_TASKS.format(n=n) for n in range(14))
