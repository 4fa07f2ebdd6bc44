from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.deeper.still import more
from ansible.module_utils.tools_of_role import word

module = AnsibleModule({})
module.exit_json(said=[word, more()])
