"""Takes longer than anybody waits for it."""

import time

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({}, supports_check_mode=True)
time.sleep(60)
module.exit_json(ansible_facts={"slow": 1})
