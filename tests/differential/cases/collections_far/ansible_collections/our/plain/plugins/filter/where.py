class FilterModule:
    def filters(self):
        return {"where": lambda text: "collections_far"}
