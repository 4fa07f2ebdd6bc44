from ansible.module_utils.basic import AnsibleModule

names = [f"l{number:02d}" for number in range(1, 25)]
module = AnsibleModule({name: {} for name in names})
facts = {name: value for name, value in module.params.items() if value is not None}
module.exit_json(ansible_facts=facts)
