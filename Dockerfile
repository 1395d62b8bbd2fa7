# docker build -t epsilon-lab . && docker run -p 8501:8501 epsilon-lab
FROM python:3.12-slim
RUN useradd --create-home lab
WORKDIR /home/lab/app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY core core
COPY pages pages
COPY .streamlit .streamlit
COPY dashboard.py .
# What is copied belongs to root: the server can read it, and change nothing.
USER lab
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "dashboard.py", "--server.headless=true", "--server.address=0.0.0.0", "--server.port=8501"]
