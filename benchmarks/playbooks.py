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


def role(tasks: int) -> str:
    """Give a role's file of so many *tasks*, as people write them."""
    one = """\
- name: Install what number {n} needs
  ansible.builtin.command:
    cmd: "install --version {{{{ version{n} | default('latest') }}}} package{n}"
    creates: /opt/package{n}
  when: package{n}_wanted | default(true)
  register: package{n}
  tags: [packages, "number{n}"]
"""
    return "".join(one.format(n=n) for n in range(tasks))


def inventory(hosts: int) -> str:
    """Give an inventory of so many *hosts*, all on the local connection."""
    lines = (f"h{number:04} ansible_connection=local number={number}" for number in range(hosts))
    return "\n".join(["[all]", *lines, ""])


def crowd(tasks: int) -> str:
    """Give a play of so many *tasks* for all hosts, set_fact and debug by turns."""
    pair = """\
    - name: Fact {n}
      ansible.builtin.set_fact:
        fact: "{{{{ inventory_hostname }}}} {n}"
    - name: Debug {n}
      ansible.builtin.debug:
        msg: "{{{{ fact }}}}"
"""
    pairs = "".join(pair.format(n=n) for n in range(tasks // 2))
    return f"- hosts: all\n  gather_facts: false\n  tasks:\n{pairs}"


def hostvars(*, everywhere: bool) -> str:
    """Give a play whose one task asks for a variable of every host, on one host or on all."""
    text = """\
- hosts: HOSTS
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        total: "{{ groups['all'] | map('extract', hostvars, 'number') | map('int') | sum }}"
"""
    return text.replace("HOSTS", "all" if everywhere else "h0000")
