from hypothesis import settings

# A loaded machine is slow, not wrong: hypothesis' 200 ms an example would fail tests by chance.
settings.register_profile("c2gm", deadline=None)
settings.load_profile("c2gm")
