"""A stage set: local stand-ins for every outside system, for trying the tool and for its tests."""
