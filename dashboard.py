"""The dashboard's one entry, met in two ways. Start it with `streamlit run dashboard.py`.

Streamlit's command imports it for the server in `app`, which warms up before the first visitor comes; the server runs
it as the script of every visit. A host that knows no `app` runs the script alone, and the first visit warms up.
"""

import streamlit as st

from pages.components import runtime

if __name__ == "__main__":
    from pages.components import navigation

    navigation.run()
else:
    app = st.App(__file__, lifespan=runtime.lifespan)
