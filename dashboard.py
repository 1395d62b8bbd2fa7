"""The dashboard's one entry, met in two ways. Start it with `streamlit run dashboard.py`.

Streamlit's command imports it for the server in `app`, which warms up before the first visitor comes; the server runs
it as the script of every visit. A host that knows no `app` runs the script alone, and the first visit warms up.
"""

import streamlit as st

from pages.components import runtime

if __name__ == "__main__":
    from pages.components import frame

    frame.draw()
    pages = [
        st.Page("pages/attack.py", title="Attack", icon=":material/bolt:", default=True),
        st.Page("pages/compare.py", title="Compare", icon=":material/grid_view:"),
        st.Page("pages/blackbox.py", title="Black box", icon=":material/visibility_off:", url_path="blackbox"),
        st.Page("pages/landscape.py", title="Landscape", icon=":material/landscape:"),
    ]
    st.navigation(pages, position="top").run()
else:
    app = st.App(__file__, lifespan=runtime.lifespan)
