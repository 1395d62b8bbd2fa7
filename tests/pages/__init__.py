"""The page without a browser: Streamlit's AppTest, and what the components compute."""
