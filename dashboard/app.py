"""What Streamlit runs: `streamlit run app.py`."""

from pennylane_dashboard.app import main

main()
