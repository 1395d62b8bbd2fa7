"""The frame of the dashboard: page config, look, navigation. Start it with `streamlit run dashboard.py`."""

import streamlit as st

from pages.components import frame

frame.draw()
st.navigation([st.Page("pages/attack.py", title="Attack", icon=":material/bolt:", default=True)], position="top").run()
