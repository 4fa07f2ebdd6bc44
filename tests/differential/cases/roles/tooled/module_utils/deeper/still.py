from ansible.module_utils.tools_of_role import word


def more():
    return word.upper()
