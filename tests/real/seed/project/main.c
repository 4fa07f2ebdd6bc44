main says
