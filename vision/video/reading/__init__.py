"""Where frames come from: video files and streams, folders of images, webcams."""
