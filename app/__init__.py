"""The web demo (Gradio), and nothing that another room needs."""
