# $name (text) the customer's name
greeting = Hello { $name }. Is this a good time? Please say yes or no, or press 1 for yes and 2 for no.
thanks = Thank you. Goodbye.
goodbye = All right. Goodbye.
cannot-go-on = Sorry, we cannot go on with this call now. We will call again. Goodbye.
