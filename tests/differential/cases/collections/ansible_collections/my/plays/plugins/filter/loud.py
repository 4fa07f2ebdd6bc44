from ansible_collections.my.plays.plugins.module_utils.numbers import ONE


class FilterModule:
    def filters(self):
        return {"shout": lambda text: text.upper() + "!" * ONE}
