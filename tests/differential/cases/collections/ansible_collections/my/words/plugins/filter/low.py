class FilterModule:
    def filters(self):
        return {"low": lambda text: text.lower(), "low_old": lambda text: text.lower()}
