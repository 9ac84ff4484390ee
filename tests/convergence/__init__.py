"""The state is a function of the set of messages: a reference model, and properties that compare with it."""
