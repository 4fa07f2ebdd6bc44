from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"word": {}})
module.exit_json(word=module.params["word"], msg="said")
